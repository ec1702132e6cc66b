// `footnote eval retrieval` as a user runs it: several sets, a run to compare with, stages turned
// off, one document searched.

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

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
constexpr char kPump[] =
    "The infusion pump P-200 sounds the occlusion alarm when the line pressure exceeds 75 kPa. Its "
    "battery lasts eight hours.";

class Eval : public ::testing::Test {
 protected:
  void SetUp() override {
    embedder_ = testing::CachedModel("all-minilm-l6-v2").string();
    if (embedder_.empty()) {
      GTEST_SKIP() << "the default models are not in the cache: run tools/fetch_models.sh";
    }
    environment_["FOOTNOTE_CACHE"] = (dir_ / "cache").string();
    for (const char* name : {"one", "two"}) {
      std::filesystem::create_directories(dir_ / name);
      Write(std::string(name) + "/corpus.jsonl",
            Json{{"_id", "l"}, {"title", "Lease"}, {"text", kLease}}.dump() + "\n" +
                Json{{"_id", "p"}, {"title", "Pump"}, {"text", kPump}}.dump() + "\n");
      Write(std::string(name) + "/queries.jsonl",
            "{\"_id\":\"q1\",\"text\":\"notice period of the lease\",\"scope_doc_id\":\"l\"}\n"
            "{\"_id\":\"q2\",\"text\":\"battery of the infusion pump\"}\n");
      Write(std::string(name) + "/qrels.tsv", "query-id\tcorpus-id\tscore\nq1\tl\t1\nq2\tp\t1\n");
      Write(std::string(name) + "/answers.jsonl",
            "{\"query_id\":\"q1\",\"evidence\":[{\"doc_id\":\"l\",\"start\":79,\"end\":150}]}\n");
    }
  }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name, std::ios::binary) << text;
  }

  std::string Path(const std::string& name) { return (dir_ / name).string(); }

  CommandOutput Run(std::vector<std::string> arguments, const char* what = "retrieval") {
    arguments.insert(arguments.begin(), {FOOTNOTE_BINARY, "eval", what});
    arguments.insert(arguments.end(), {"--embedder", embedder_, "--json"});
    StatusOr<CommandOutput> output = testing::RunCommand(arguments, environment_, "");
    EXPECT_OK(output);
    return output.ok() ? *output : CommandOutput{};
  }

  Json Figures(std::vector<std::string> arguments) {
    const CommandOutput output = Run(std::move(arguments));
    EXPECT_EQ(output.exit_status, 0) << output.err;
    return Json::parse(output.out, nullptr, false);
  }

  testing::TempDir dir_;
  std::string embedder_;
  std::map<std::string, std::string> environment_;
};

TEST_F(Eval, SeveralSetsAreComparedWithTheirRunsStageByStage) {
  // The worst run for the first set, the best for the second.
  Write("one.run", "q1 Q0 p 1 2 x\nq2 Q0 l 1 2 x\n");
  Write("two.run", "q1 Q0 l 1 2 x\nq2 Q0 p 1 2 x\n");
  const Json figures = Figures({Path("one"), Path("two"), "--against", Path("{set}.run"), "--run",
                                Path("ours.{set}.run"), "--ablate"});
  ASSERT_EQ(figures["sets"].size(), 2) << figures;
  EXPECT_EQ(figures["sets"][0]["set"], "one");
  EXPECT_EQ(figures["sets"][0]["against"]["difference"], 1.0);
  EXPECT_EQ(figures["sets"][1]["against"]["difference"], 0.0);
  EXPECT_EQ(figures["mean"]["against"]["difference"], 0.5);
  EXPECT_EQ(figures["mean"]["judged_queries"], 4);
  EXPECT_EQ(figures["mean"]["ndcg@10"], 1.0);
  std::vector<std::string> off;
  for (const Json& stage : figures["mean"]["ablation"]) off.push_back(stage["off"]);
  EXPECT_NE(std::find(off.begin(), off.end(), "dense"), off.end()) << figures;
  EXPECT_EQ(std::find(off.begin(), off.end(), "reranker"), off.end()) << "there is none";
  EXPECT_TRUE(std::filesystem::exists(dir_ / "ours.one.run"));
  EXPECT_TRUE(std::filesystem::exists(dir_ / "ours.two.run"));
}

TEST_F(Eval, ScopedTellsTheEvidenceAndTheCharactersReturned) {
  const Json figures = Figures({Path("one"), "--scoped"});
  EXPECT_EQ(figures["queries"], 1) << figures;
  EXPECT_EQ(figures["evidence_recall@5"], 1.0);
  EXPECT_EQ(figures["returned_characters"], sizeof kLease - 1);
}

TEST_F(Eval, ALimitAsksTheFirstByMd5) {
  // Of "q2" 74d5…, of "q1" ff33….
  Figures({Path("one"), "--limit", "1", "--run", Path("first.run")});
  std::ifstream run(dir_ / "first.run");
  std::string line;
  std::getline(run, line);
  EXPECT_EQ(line.substr(0, 8), "q2 Q0 p ") << line;
}

TEST_F(Eval, ARerankerIsOneOfTheStages) {
  const std::string tiny = (testing::DataDir() / "models" / "tiny-cross-encoder").string();
  const Json figures = Figures({Path("one"), "--ablate", "--reranker", tiny});
  bool found = false;
  for (const Json& stage : figures["ablation"]) found = found || stage["off"] == "reranker";
  EXPECT_TRUE(found) << figures;
  const CommandOutput none = Run({Path("one"), "--reranker", Path("none")});
  EXPECT_EQ(none.exit_status, 1);
  EXPECT_NE(none.err.find("the reranker: "), std::string::npos) << none.err;
}

TEST_F(Eval, WhatCannotBeComparedIsSaid) {
  const CommandOutput no_mark = Run({Path("one"), Path("two"), "--run", Path("both.run")});
  EXPECT_EQ(no_mark.exit_status, 1);
  EXPECT_NE(no_mark.err.find("{set}"), std::string::npos) << no_mark.err;
  Write("other.run", "q9 Q0 l 1 2 x\n");
  const CommandOutput other = Run({Path("one"), "--against", Path("other.run")});
  EXPECT_EQ(other.exit_status, 1);
  EXPECT_NE(other.err.find("none of the questions"), std::string::npos) << other.err;
  EXPECT_TRUE(other.out.empty());
}

TEST_F(Eval, AnswerabilityTellsWhatTheDocumentsAnswer) {
  Write("one/queries.jsonl",
        "{\"_id\":\"q1\",\"text\":\"What is the notice period of the lease?\"}\n"
        "{\"_id\":\"q2\",\"text\":\"How long does the battery of the infusion pump last?\"}\n"
        "{\"_id\":\"q3\",\"text\":\"Who painted the ceiling of the chapel?\"}\n");
  Write("one/answers.jsonl",
        "{\"query_id\":\"q1\",\"answerable\":true}\n{\"query_id\":\"q2\",\"answerable\":true}\n"
        "{\"query_id\":\"q3\",\"answerable\":false}\n");
  Write("other.jsonl",
        "{\"query_id\":\"q1\",\"score\":0.1}\n{\"query_id\":\"q2\",\"score\":0.9}\n"
        "{\"query_id\":\"q3\",\"score\":0.5}\n");
  const CommandOutput output =
      Run({Path("one"), "--out", Path("lines.jsonl"), "--against", Path("other.jsonl")},
          "answerability");
  ASSERT_EQ(output.exit_status, 0) << output.err;
  const Json set = Json::parse(output.out)["sets"][0];
  EXPECT_EQ(set["auroc"], 1.0);
  EXPECT_EQ(set["against"], 0.5);
  EXPECT_EQ(set["unanswerable"], 1);
  EXPECT_EQ(set["passing"]["balanced"]["answerable"], 1.0);
  EXPECT_EQ(set["passing"]["balanced"]["unanswerable"], 0.0);
  std::ifstream lines(dir_ / "lines.jsonl");
  size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_GT(Json::parse(line)["features"]["best_sentence"], -1.0);
  }
  EXPECT_EQ(count, 3u);
  // Another gate's scores must be of these questions.
  Write("other.jsonl", "{\"query_id\":\"q1\",\"score\":0.1}\n");
  const CommandOutput partly =
      Run({Path("one"), "--against", Path("other.jsonl")}, "answerability");
  EXPECT_NE(partly.exit_status, 0);
  EXPECT_NE(partly.err.find("no score for the question"), std::string::npos);
}

}  // namespace
}  // namespace footnote
