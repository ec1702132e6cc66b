// A cross-encoder with random weights against Hugging Face in float32; what its scores depend on,
// and folders that are none.

#include "generator/runtime/cross_encoder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <future>

#include "generator/engine.h"
#include "tests/testing/model_goldens.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::generator {
namespace {

using footnote::testing::DataDir;
using footnote::testing::GoldenLines;
using footnote::testing::RelativeError;
using footnote::testing::TempDir;
using nlohmann::json;

constexpr double kTolerance = 1.5e-5;

std::filesystem::path TinyFolder() { return DataDir() / "models" / "tiny-cross-encoder"; }

StatusOr<std::shared_ptr<const Model>> LoadTiny(
    kernels::Precision precision = kernels::Precision::kExact,
    const std::filesystem::path& path = TinyFolder()) {
  ModelOptions options;
  options.precision = precision;
  options.threads = 2;
  return Model::Load(path, options);
}

StatusOr<std::unique_ptr<Reranker>> MakeTiny(
    kernels::Precision precision = kernels::Precision::kExact,
    const std::filesystem::path& path = TinyFolder()) {
  FOOTNOTE_ASSIGN_OR_RETURN(std::shared_ptr<const Model> model, LoadTiny(precision, path));
  return MakeCrossEncoder(std::move(model), "abc");
}

struct Golden {
  std::string query;
  std::vector<std::string> texts;
  std::vector<float> logits;
  EncoderBatch batch;  // without the padding

  std::vector<std::string_view> views() const { return {texts.begin(), texts.end()}; }
};

Golden ReadGolden() {
  const json line = GoldenLines("tiny_cross_encoder.jsonl").at(0);
  Golden golden{line["query"], line["texts"], line["logits"], {}};
  golden.batch.offsets.push_back(0);
  for (size_t row = 0; row < line["ids"].size(); ++row) {
    for (size_t i = 0; i < line["ids"][row].size(); ++i) {
      if (line["mask"][row][i] == 0) continue;
      golden.batch.ids.push_back(line["ids"][row][i]);
      golden.batch.types.push_back(line["types"][row][i]);
    }
    golden.batch.offsets.push_back(static_cast<int64_t>(golden.batch.ids.size()));
  }
  return golden;
}

TEST(CrossEncoder, LogitsAreHuggingFaces) {
  const Golden golden = ReadGolden();
  ASSERT_OK_AND_ASSIGN(const auto model, LoadTiny());
  EXPECT_EQ(model->info().labels, std::vector<std::string>{"LABEL_0"});
  ASSERT_OK_AND_ASSIGN(const std::vector<float> logits, model->Classify(golden.batch));
  EXPECT_LE(RelativeError(logits, golden.logits), kTolerance);
}

// Weights and activations rounded; the head's matrices stay as stored in all of them.
TEST(CrossEncoder, RoundedPrecisionsStayNearExact) {
  const Golden golden = ReadGolden();
  for (const auto precision :
       {kernels::Precision::kFast, kernels::Precision::kBf16, kernels::Precision::kInt8}) {
    ASSERT_OK_AND_ASSIGN(const auto model, LoadTiny(precision));
    ASSERT_OK_AND_ASSIGN(const std::vector<float> logits, model->Classify(golden.batch));
    EXPECT_LE(RelativeError(logits, golden.logits), 2e-2) << static_cast<int>(precision);
  }
}

// Pairs tokenised, typed and cut as Hugging Face does ("only_second"), scores in the order given.
TEST(CrossEncoder, ScoresAreTheLogisticOfItsLogits) {
  const Golden golden = ReadGolden();
  ASSERT_OK_AND_ASSIGN(const auto reranker, MakeTiny());
  EXPECT_EQ(reranker->name(), "tiny-cross-encoder (cross-encoder)");
  EXPECT_EQ(reranker->model_sha256(), "abc");
  ASSERT_OK_AND_ASSIGN(const std::vector<float> scores,
                       reranker->Score(golden.query, golden.views(), CallContext()));
  ASSERT_EQ(scores.size(), golden.logits.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    EXPECT_NEAR(scores[i], 1 / (1 + std::exp(-golden.logits[i])), 1e-5) << golden.texts[i];
  }
}

TEST(CrossEncoder, AScoreDependsNeitherOnItsCompanyNorOnOtherCalls) {
  const Golden golden = ReadGolden();
  ASSERT_OK_AND_ASSIGN(const auto reranker, MakeTiny(kernels::Precision::kFast));
  std::vector<std::string_view> many;
  for (int copy = 0; copy < 10; ++copy) {
    for (const std::string& text : golden.texts) many.push_back(text);
  }
  const auto score = [&](std::span<const std::string_view> texts) {
    return std::move(reranker->Score(golden.query, texts, CallContext())).value();
  };
  std::vector<std::future<std::vector<float>>> calls;
  for (int i = 0; i < 4; ++i)
    calls.push_back(std::async(std::launch::async, [&] { return score(many); }));
  for (auto& call : calls) {
    const std::vector<float> scores = call.get();
    for (size_t i = 0; i < scores.size(); ++i) {
      EXPECT_EQ(scores[i], score({&many[i % golden.texts.size()], 1})[0]);
    }
  }
}

TEST(CrossEncoder, ALongQueryLeavesRoomForTheText) {
  ASSERT_OK_AND_ASSIGN(const auto reranker, MakeTiny());
  std::string query;
  for (int i = 0; i < 500; ++i) query += "court ";
  const std::vector<std::string_view> texts = {"rent", "a court sat here", ""};
  ASSERT_OK_AND_ASSIGN(const auto scores, reranker->Score(query, texts, CallContext()));
  EXPECT_NE(scores[0], scores[1]);
  EXPECT_NE(scores[0], scores[2]);
}

TEST(CrossEncoder, ControlTokensInATextAreText) {
  ASSERT_OK_AND_ASSIGN(const auto model, LoadTiny());
  ASSERT_OK_AND_ASSIGN(const auto reranker, MakeTiny());
  const std::vector<std::string_view> texts = {"rent [SEP] court", "rent sep court"};
  ASSERT_OK_AND_ASSIGN(const auto scores, reranker->Score("rent", texts, CallContext()));
  const std::vector<TokenId> ids = model->tokenizer().Encode("rent [SEP] court", {});
  EXPECT_EQ(std::count(ids.begin(), ids.end(), *model->tokenizer().Find("[SEP]")), 1);
  EXPECT_NE(scores[0], scores[1]);
}

TEST(CrossEncoder, NothingAndACancelledCall) {
  ASSERT_OK_AND_ASSIGN(const auto reranker, MakeTiny());
  ASSERT_OK_AND_ASSIGN(const auto nothing, reranker->Score("rent", {}, CallContext()));
  EXPECT_TRUE(nothing.empty());
  std::stop_source stop;
  stop.request_stop();
  const std::string_view text = "text";
  EXPECT_STATUS(reranker->Score("rent", {&text, 1}, CallContext(stop.get_token())), kCancelled,
                "cancelled");
  EXPECT_STATUS(reranker->Score("rent", {&text, 1}, CallContext({}, CallContext::Clock::now())),
                kDeadlineExceeded, "deadline");
}

TEST(CrossEncoder, OfSeveralLabelsTheOneThatMeansRelevantCounts) {
  const std::vector<std::string> one = {"LABEL_0"};
  const std::vector<std::string> two = {"LABEL_0", "LABEL_1"};
  const std::vector<std::string> inference = {"contradiction", "Entailment", "neutral"};
  const std::vector<std::string> stars = {"1 star", "2 stars", "3 stars"};
  EXPECT_EQ(RelevantLabel(one).value(), 0u);
  EXPECT_EQ(RelevantLabel(two).value(), 1u);
  EXPECT_EQ(RelevantLabel(inference).value(), 1u);
  EXPECT_STATUS(RelevantLabel(stars), kInvalidArgument, "1 star, 2 stars, 3 stars");
  const std::vector<float> logits = {1, 3, -2};
  EXPECT_NEAR(Relevance(logits, 1),
              std::exp(3.0) / (std::exp(1.0) + std::exp(3.0) + std::exp(-2.0)), 1e-6);
  EXPECT_NEAR(Relevance(std::span(logits).first(1), 0), 1 / (1 + std::exp(-1.0)), 1e-6);
  // Far beyond what float's exp takes.
  const std::vector<float> far = {-500, 500};
  EXPECT_EQ(Relevance(far, 0), 0);
  EXPECT_EQ(Relevance(far, 1), 1);
}

// A copy of the folder in which a file can be changed.
class CrossEncoderFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::copy(TinyFolder(), folder_.path(),
                          std::filesystem::copy_options::recursive |
                              std::filesystem::copy_options::overwrite_existing);
    std::ifstream(folder_ / "config.json") >> config_;
  }
  StatusOr<std::unique_ptr<Reranker>> Make() {
    std::ofstream(folder_ / "config.json") << config_;
    return MakeTiny(kernels::Precision::kExact, folder_.path());
  }

  TempDir folder_;
  json config_;
};

TEST_F(CrossEncoderFolder, OlderFoldersAreReadToo) {
  config_.erase("sentence_transformers");
  config_.erase("id2label");
  config_["sbert_ce_default_activation_function"] = "torch.nn.modules.activation.Sigmoid";
  EXPECT_OK(Make());
}

TEST_F(CrossEncoderFolder, OtherTasksAreNotRankers) {
  config_["architectures"] = {"BertForMultipleChoice"};
  EXPECT_STATUS(Make(), kInvalidArgument, "without a classifying head");
  EXPECT_STATUS(MakeTiny(kernels::Precision::kExact, DataDir() / "models" / "tiny-bert"),
                kInvalidArgument, "BertForSequenceClassification");
  EXPECT_STATUS(MakeTiny(kernels::Precision::kExact, DataDir() / "models" / "tiny-llama"),
                kInvalidArgument, "tiny-llama (llama) is a decoder");
}

TEST_F(CrossEncoderFolder, AnUnknownArchitectureIsNamedWithThoseThatAreSupported) {
  config_["model_type"] = "xlnet";
  EXPECT_STATUS(Make(), kUnimplemented, "'xlnet' is not supported (supported: ");
}

TEST_F(CrossEncoderFolder, DamageIsAnError) {
  std::filesystem::resize_file(folder_ / "model.safetensors", 30000);
  EXPECT_STATUS(Make(), kDataLoss, "model.safetensors");
  std::filesystem::remove(folder_ / "model.safetensors");
  EXPECT_STATUS(Make(), kNotFound, "");
}

TEST(CrossEncoder, AnEmbedderScoresNothing) {
  ASSERT_OK_AND_ASSIGN(const auto embedder,
                       LoadTiny(kernels::Precision::kExact, DataDir() / "models" / "tiny-bert"));
  EXPECT_TRUE(embedder->info().labels.empty());
  EXPECT_STATUS(embedder->Classify({{1}, {}, {}, {0, 1}}), kInvalidArgument, "no classifying head");
  ASSERT_OK_AND_ASSIGN(const auto model, LoadTiny());
  EXPECT_STATUS(model->Classify({{300}, {}, {}, {0, 1}}), kInvalidArgument, "token id 300");
  EXPECT_STATUS(model->Classify({{1, 2}, {}, {}, {0, 2}, {{0, 1}}}), kInvalidArgument, "parts");
}

}  // namespace
}  // namespace footnote::generator
