// `footnote eval grounding` as a user runs it: a line a response, a summary with the baselines,
// features for fitting.

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/testing/run_command.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote {
namespace {

using testing::CommandOutput;
using Json = nlohmann::json;

constexpr char kLease[] =
    "The tenant shall pay a rent of 950 EUR on the first working day of each month. Either party "
    "may end the lease with a notice period of three months.";

class EvalGrounding : public ::testing::Test {
 protected:
  void SetUp() override {
    embedder_ = testing::CachedModel("all-minilm-l6-v2").string();
    if (embedder_.empty()) {
      GTEST_SKIP() << "the default models are not in the cache: run tools/fetch_models.sh";
    }
    std::filesystem::create_directories(dir_ / "set");
    std::ofstream(dir_ / "set" / "corpus.jsonl")
        << Json{{"_id", "l"}, {"title", "Lease"}, {"text", kLease}}.dump() << "\n";
    std::ofstream responses(dir_ / "set" / "responses.jsonl");
    const auto add = [&](const char* id, const char* text, const char* label) {
      responses << Json{{"response_id", id},
                        {"query_id", id},
                        {"response", text},
                        {"label", label},
                        {"doc_ids", {"l"}}}
                       .dump()
                << "\n";
    };
    add("right", "The tenant shall pay a rent of 950 EUR. Either party may end the lease.",
        "supported");
    add("also", "The notice period of the lease is three months.", "supported");
    add("wrong", "The tenant shall pay a rent of 850 EUR on the first working day of each month.",
        "unsupported");
    add("other", "Paris is the capital of France.", "unsupported");
    add("doubt", "The tenant pays rent.", "questionable");
  }

  CommandOutput Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {FOOTNOTE_BINARY, "eval", "grounding", (dir_ / "set").string()});
    arguments.insert(arguments.end(), {"--embedder", embedder_});
    StatusOr<CommandOutput> output = testing::RunCommand(arguments, {}, "");
    EXPECT_OK(output);
    return output.ok() ? *output : CommandOutput{};
  }

  static std::vector<Json> Lines(std::istream& in) {
    std::vector<Json> lines;
    std::string line;
    while (std::getline(in, line)) lines.push_back(Json::parse(line, nullptr, false));
    return lines;
  }

  testing::TempDir dir_;
  std::string embedder_;
};

TEST_F(EvalGrounding, OneLineAResponseOnStdout) {
  const CommandOutput output = Run({});
  ASSERT_EQ(output.exit_status, 0) << output.err;
  std::istringstream out(output.out);
  const std::vector<Json> lines = Lines(out);
  ASSERT_EQ(lines.size(), 5u) << output.out;
  EXPECT_EQ(lines[0]["response_id"], "right");
  ASSERT_EQ(lines[0]["sentences"].size(), 2u) << lines[0];
  EXPECT_EQ(lines[0]["sentences"][0]["start_byte"], 0);
  EXPECT_EQ(lines[0]["sentences"][0]["end_byte"], 39);
  for (const Json& line : lines) {
    EXPECT_GE(line["score"], 0.0);
    EXPECT_LE(line["score"], 1.0);
  }
  EXPECT_GT(lines[0]["score"], 0.5) << lines[0];
  EXPECT_LT(lines[2]["score"], 0.2) << lines[2];
  EXPECT_LT(lines[3]["score"], 0.2) << lines[3];
  EXPECT_NE(output.err.find("token overlap"), std::string::npos) << output.err;
}

TEST_F(EvalGrounding, SummaryAsJsonBesideTheFile) {
  const std::string out_file = (dir_ / "scores.jsonl").string();
  const std::string features_file = (dir_ / "features.jsonl").string();
  const CommandOutput output =
      Run({"--out", out_file, "--features", features_file, "--json", "--seed", "2"});
  ASSERT_EQ(output.exit_status, 0) << output.err;
  const Json summary = Json::parse(output.out, nullptr, false);
  ASSERT_TRUE(summary.is_object()) << output.out;
  EXPECT_EQ(summary["supported"], 2);
  EXPECT_EQ(summary["unsupported"], 2) << "\"questionable\" is not counted";
  EXPECT_EQ(summary["ways"]["score"]["auroc"], 1.0);
  for (const char* way : {"length", "cosine", "overlap"}) {
    EXPECT_TRUE(summary["ways"][way].contains("score_less_this")) << summary;
  }
  std::ifstream scores(out_file);
  EXPECT_EQ(Lines(scores).size(), 5u);
  std::ifstream features(features_file);
  const std::vector<Json> lines = Lines(features);
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[2]["sentences"][0]["problems"][0], "850 EUR");
  EXPECT_TRUE(lines[2]["features"].contains("least_pairs"));
}

TEST_F(EvalGrounding, TwoThingsCannotGoToStdout) {
  const CommandOutput output = Run({"--json"});
  EXPECT_NE(output.exit_status, 0);
  EXPECT_NE(output.err.find("--out FILE"), std::string::npos) << output.err;
}

}  // namespace
}  // namespace footnote
