// `footnote model` as scripts use it: one answer line for each request, whatever the request.

#include <gtest/gtest.h>

#include <sstream>

#include "tests/testing/model_goldens.h"
#include "tests/testing/run_command.h"
#include "tests/testing/status_matchers.h"

namespace footnote {
namespace {

using testing::CommandOutput;
using testing::DataDir;
using testing::GoldenLines;
using testing::RelativeError;
using Json = nlohmann::json;

CommandOutput RunFootnote(std::vector<std::string> arguments, const std::string& input = "") {
  arguments.insert(arguments.begin(), FOOTNOTE_BINARY);
  StatusOr<CommandOutput> output = testing::RunCommand(arguments, {}, input);
  EXPECT_OK(output);
  return output.ok() ? *output : CommandOutput{};
}

// The answers to some lines.
std::vector<Json> Probe(const std::string& model, const std::vector<std::string>& lines) {
  std::string input;
  for (const std::string& line : lines) input += line + "\n";
  const std::string path = (DataDir() / "models" / model).string();
  const CommandOutput output = RunFootnote({"model", "probe", path, "--precision", "exact"}, input);
  EXPECT_EQ(output.exit_status, 0) << output.err;
  std::istringstream out(output.out);
  std::vector<Json> answers;
  for (std::string line; std::getline(out, line);) answers.push_back(Json::parse(line));
  EXPECT_EQ(answers.size(), lines.size());
  answers.resize(lines.size());
  return answers;
}

TEST(ModelProbe, AnswersOfADecoder) {
  const Json golden = GoldenLines("tiny_decoders.jsonl").at(0);
  const Json generate = {{"op", "generate"},
                         {"ids", golden["greedy_prompt"]},
                         {"max_tokens", golden["greedy"].size()},
                         {"ignore_eos", true}};
  const std::vector<Json> answers =
      Probe("tiny-llama", {Json({{"op", "logits"}, {"ids", golden["ids"]}}).dump(), generate.dump(),
                           R"({"op":"tokenize","text":"the court","add_special":false})",
                           R"({"op":"chat","messages":[{"role":"user","content":"x"}]})"});
  EXPECT_EQ(answers[0]["shape"], Json({45, 300}));
  EXPECT_LE(RelativeError(testing::Base64Floats(answers[0]),
                          testing::GoldenFloats("tiny-llama.logits.f32")),
            1.5e-5);
  EXPECT_EQ(answers[1]["ids"], golden["greedy"]);
  const Json back =
      Probe("tiny-llama", {Json({{"op", "detokenize"}, {"ids", answers[2]["ids"]}}).dump()})[0];
  EXPECT_EQ(back["text"], "the court");
  EXPECT_TRUE(answers[3].contains("ids") || answers[3].contains("error"));
}

TEST(ModelProbe, AnswersOfAnEncoder) {
  const std::vector<Json> goldens = GoldenLines("tiny_bert.jsonl");
  Json embed = {{"op", "embed"},
                {"ids", goldens[0]["ids"]},
                {"mask", goldens[0]["mask"]},
                {"types", goldens[0]["types"]}};
  Json texts = {{"op", "embed_text"}, {"texts", goldens[1]["texts"]}};
  const std::vector<Json> answers =
      Probe("tiny-bert", {embed.dump(), texts.dump(), R"({"op":"embed_text","texts":[]})",
                          R"({"op":"score","ids":[[1]]})"});
  EXPECT_EQ(answers[0]["shape"], goldens[0]["pooled"]["shape"]);
  EXPECT_LE(
      RelativeError(testing::Base64Floats(answers[0]), testing::Base64Floats(goldens[0]["pooled"])),
      1.5e-5);
  EXPECT_LE(RelativeError(testing::Base64Floats(answers[1]),
                          testing::Base64Floats(goldens[1]["vectors"])),
            1.5e-5);
  EXPECT_EQ(answers[2]["shape"], Json({0, 64}));
  EXPECT_EQ(answers[3]["error"]["code"], "INVALID_ARGUMENT");
  EXPECT_NE(answers[3]["error"]["message"].get<std::string>().find("cross-encoder"),
            std::string::npos);
}

TEST(ModelProbe, ScoresOfACrossEncoderAreItsLogits) {
  const Json golden = GoldenLines("tiny_cross_encoder.jsonl").at(0);
  const std::vector<Json> answers =
      Probe("tiny-cross-encoder", {golden.dump(), R"({"op":"score"})"});
  EXPECT_LE(RelativeError(answers[0]["scores"].get<std::vector<float>>(),
                          golden["logits"].get<std::vector<float>>()),
            1.5e-5);
  EXPECT_EQ(answers[1]["error"]["code"], "INVALID_ARGUMENT");
}

TEST(ModelProbe, MasksAnywhereKeepThePositionsOfTheRest) {
  // The second token masked: what is left has positions 0 and 2, so it is not the packed [5, 7].
  const std::vector<Json> answers =
      Probe("tiny-bert", {R"({"op":"embed","ids":[[5,6,7]],"mask":[[1,0,1]]})",
                          R"({"op":"embed","ids":[[5,7]]})",
                          R"({"op":"embed","ids":[[5,7,9]],"mask":[[1,1,0]]})",
                          R"({"op":"embed","ids":[[5]],"mask":[[0]]})"});
  EXPECT_NE(answers[0]["f32"], answers[1]["f32"]);
  EXPECT_EQ(answers[1]["f32"], answers[2]["f32"]);
  EXPECT_EQ(answers[3]["error"]["code"], "INVALID_ARGUMENT");
}

TEST(ModelProbe, ABadRequestIsAnsweredAndTheNextOneToo) {
  const std::vector<std::string> bad = {
      "nonsense",
      "[]",
      "{}",
      R"({"op":7})",
      R"({"op":"fly"})",
      R"({"op":"tokenize"})",
      "{\"op\":\"tokenize\",\"text\":\"\xff\xfe\"}",
      R"({"op":"logits"})",
      R"({"op":"logits","ids":[]})",
      R"({"op":"logits","ids":[-1]})",
      R"({"op":"logits","ids":[300]})",
      R"({"op":"logits","ids":[1.5]})",
      R"({"op":"logits","ids":[99999999999999999999]})",
      R"({"op":"generate","ids":[1]})",
      R"({"op":"generate","ids":[1],"max_tokens":0})",
      R"({"op":"generate","ids":[1],"max_tokens":5000})",
      R"({"op":"generate","ids":[1],"max_tokens":5,"ignore_eos":"yes"})",
      R"({"op":"detokenize","ids":[300]})",
      R"({"op":"embed","ids":[[1]]})",
      R"({"op":"embed_text","texts":["a"]})",
      R"({"op":"chat","messages":[{"role":"user"}]})"};
  std::vector<std::string> lines;
  for (const std::string& line : bad) {
    lines.push_back(line);
    lines.push_back(R"({"op":"tokenize","text":"a"})");
  }
  const std::vector<Json> answers = Probe("tiny-llama", lines);
  for (size_t i = 0; i < bad.size(); ++i) {
    EXPECT_EQ(answers[2 * i]["error"]["code"], "INVALID_ARGUMENT") << bad[i] << answers[2 * i];
    EXPECT_FALSE(answers[2 * i]["error"]["message"].get<std::string>().empty());
    EXPECT_TRUE(answers[2 * i + 1].contains("ids"));
  }
}

TEST(ModelProbe, ATokenizerAloneTokenises) {
  const std::vector<Json> answers =
      Probe("tiny-bert/tokenizer.json",
            {R"({"op":"tokenize","text":"the court"})", R"({"op":"embed_text","texts":["a"]})"});
  EXPECT_TRUE(answers[0].contains("ids"));
  EXPECT_TRUE(answers[1].contains("error"));
}

TEST(ModelCommand, ShowsAModelAndTheMachineAsJson) {
  const std::string gguf =
      (DataDir() / "models" / "tiny-llama-gguf" / "tiny-llama-q8_0.gguf").string();
  const Json shown = Json::parse(RunFootnote({"model", "show", gguf, "--json"}).out);
  EXPECT_EQ(shown["architecture"], "llama");
  EXPECT_EQ(shown["tensors_by_format"]["Q8_0"], 15);
  EXPECT_EQ(shown["context_tokens"], 256);
  const Json machine = Json::parse(RunFootnote({"model", "devices", "--json"}).out);
  EXPECT_FALSE(machine["cpu"]["isa"].get<std::string>().empty());
  EXPECT_TRUE(machine["gpus"].is_array());
}

TEST(ModelCommand, SaysWhatItCannotDo) {
  const CommandOutput missing = RunFootnote({"model", "show", "/nowhere/model.gguf"});
  EXPECT_EQ(missing.exit_status, 1);
  EXPECT_NE(missing.err.find("/nowhere/model.gguf"), std::string::npos);
  const std::string model = (DataDir() / "models" / "tiny-llama").string();
  EXPECT_EQ(RunFootnote({"model", "probe", model, "--device", "cuda"}).exit_status, 1);
  EXPECT_EQ(RunFootnote({"model", "probe", model, "--adapter", "x"}).exit_status, 1);
  EXPECT_EQ(RunFootnote({"model", "probe", model, "--device", "abacus"}).exit_status, 2);
  EXPECT_EQ(RunFootnote({"model", "probe"}).exit_status, 2);
  EXPECT_EQ(RunFootnote({"model"}).exit_status, 2);
}

}  // namespace
}  // namespace footnote
