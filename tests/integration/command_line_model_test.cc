// The `footnote` command as a user runs it: real models, real files, exit statuses, JSON on stdout
// and nothing else.

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/testing/run_command.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote {
namespace {

using testing::CommandOutput;
using Json = nlohmann::json;

// Own texts, written for these tests.
constexpr char kLease[] =
    "# Lease of the flat in Mill Street\n\n## 1. Rent\n\nThe tenant shall pay a rent of 950 EUR on "
    "the first working day of each month. "
    "Late payment costs 12 EUR for each reminder.\n\n## 2. Pets\n\nThe tenant may not keep dogs "
    "without written consent of the landlord. "
    "Small animals in cages are allowed.\n\n## 3. End of the lease\n\nEither party may end the "
    "lease with a notice period of three months.\n";
constexpr char kPump[] =
    "# Infusion pump P-200\n\n## Alarms\n\nThe pump sounds the occlusion alarm when the line "
    "pressure exceeds 75 kPa. "
    "The battery lasts eight hours at a rate of 25 ml per hour.\n";

class CommandLine : public ::testing::Test {
 protected:
  void SetUp() override {
    if (testing::CachedModel("all-minilm-l6-v2").empty() ||
        testing::CachedModel("smollm2-135m-instruct").empty()) {
      GTEST_SKIP() << "the default models are not in the cache: run tools/fetch_models.sh";
    }
    environment_["FOOTNOTE_HOME"] = (dir_ / "home").string();
    std::filesystem::create_directories(dir_ / "docs");
    Write("docs/lease.md", kLease);
    Write("docs/pump.md", kPump);
  }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name, std::ios::binary) << text;
  }

  // The passages that a search prints. (A loop over RunJson(…)["passages"] would outlive the
  // document.)
  std::vector<Json> Passages(std::vector<std::string> arguments) {
    const Json found = RunJson(std::move(arguments));
    return found["passages"].get<std::vector<Json>>();
  }

  CommandOutput Run(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), FOOTNOTE_BINARY);
    StatusOr<CommandOutput> output = testing::RunCommand(arguments, environment_, input);
    EXPECT_OK(output);
    return output.ok() ? *output : CommandOutput{};
  }

  // Runs with --json and expects success and exactly one JSON document.
  Json RunJson(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    const CommandOutput output = Run(arguments);
    EXPECT_EQ(output.exit_status, 0) << output.err;
    Json json = Json::parse(output.out, nullptr, false);
    EXPECT_FALSE(json.is_discarded()) << output.out;
    return json;
  }

  void ExpectFailure(const CommandOutput& output, int exit_status, const std::string& part) {
    EXPECT_EQ(output.exit_status, exit_status) << output.out << output.err;
    EXPECT_NE(output.err.find(part), std::string::npos) << output.err;
    EXPECT_TRUE(output.out.empty()) << "errors go to stderr: " << output.out;
  }

  std::string Docs() { return (dir_ / "docs").string(); }

  testing::TempDir dir_;
  std::map<std::string, std::string> environment_;
};

TEST_F(CommandLine, IndexesSearchesAsksAndShows) {
  const Json built = RunJson({"index", "house", Docs(), "--public"});
  EXPECT_EQ(built["documents"]["added"], 2);
  EXPECT_EQ(built["documents"]["failed"], 0);
  EXPECT_GT(built["chunks"], 1);

  const Json again = RunJson({"index", "house", Docs(), "--public"});
  EXPECT_EQ(again["documents"]["unchanged"], 2);
  EXPECT_EQ(again["chunks"], 0) << "nothing is embedded twice";
  EXPECT_EQ(again["generation"], built["generation"]);

  const Json found = RunJson({"search", "house", "notice period to end the lease", "--top-k", "2"});
  ASSERT_FALSE(found["passages"].empty());
  const Json& best = found["passages"][0];
  EXPECT_EQ(best["document_id"], "lease.md");

  // What search and ask point at is what the store gives back, byte for byte.
  const CommandOutput text = Run({"corpus", "document", "house", "lease.md", "--text"});
  ASSERT_EQ(text.exit_status, 0) << text.err;
  EXPECT_EQ(text.out.substr(best["start_byte"],
                            best["end_byte"].get<size_t>() - best["start_byte"].get<size_t>()),
            best["text"]);

  const Json answer =
      RunJson({"ask", "house", "What notice period does either party need to end the lease?"});
  ASSERT_FALSE(answer["abstained"]) << answer.dump(1);
  EXPECT_FALSE(answer["citations"].empty());
  for (const Json& citation : answer["citations"]) {
    if (citation["document_id"] != "lease.md") continue;
    EXPECT_EQ(text.out.substr(citation["start_byte"], citation["end_byte"].get<size_t>() -
                                                          citation["start_byte"].get<size_t>()),
              citation["quote"]);
  }

  const Json refusal = RunJson({"ask", "house", "What is the capital of France?"});
  EXPECT_TRUE(refusal["abstained"]);
  EXPECT_NE(refusal["reason"], "");
  EXPECT_TRUE(refusal["answer"].get<std::string>().empty());
  EXPECT_FALSE(refusal["passages"].empty());
}

// The second start takes the packed weights that the first one left.
TEST_F(CommandLine, AnEmbedderInFewerBitsFindsTheSamePassagesAndItsWeightsAreKept) {
  environment_["FOOTNOTE_PACKED_CACHE"] = (dir_ / "packed").string();
  RunJson({"index", "house", Docs(), "--public", "--precision", "fast"});
  const std::vector<std::string> precisions = {"int8", "bf16"};
  for (const std::string& precision : precisions) {
    const Json built = RunJson({"index", precision, Docs(), "--public", "--precision", precision});
    EXPECT_EQ(built["documents"]["added"], 2);
  }
  const auto files = [&] {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir_ / "packed")) {
      names.insert(entry.path().filename().string());
    }
    return names;
  };
  const std::set<std::string> kept = files();
  EXPECT_EQ(kept.size(), 3u) << "one for each precision";
  const std::vector<std::string> question = {"search", "house", "notice period to end the lease"};
  const Json wanted = RunJson(question);
  for (const std::string& precision : precisions) {
    const Json got = RunJson({"search", precision, "notice period to end the lease"});
    ASSERT_FALSE(got["passages"].empty());
    EXPECT_EQ(got["passages"][0]["document_id"], wanted["passages"][0]["document_id"]);
    EXPECT_EQ(got["passages"][0]["start_byte"], wanted["passages"][0]["start_byte"]);
  }
  EXPECT_EQ(files(), kept);
  environment_["FOOTNOTE_PACKED_CACHE"] = (dir_ / "docs" / "lease.md").string();
  const CommandOutput output = Run(question);
  EXPECT_EQ(output.exit_status, 0) << output.err;
  EXPECT_NE(output.err.find("is packed anew at each start"), std::string::npos) << output.err;
}

TEST_F(CommandLine, ReplayGivesTheSameAnswer) {
  RunJson({"index", "house", Docs(), "--public"});
  const std::string question = "When does the pump sound the occlusion alarm?";
  const Json first = RunJson({"ask", "house", question});
  Write("record.json", first.dump());
  const Json second = RunJson(
      {"ask", "house", question, "--replay", (dir_ / "record.json").string(), "--threads", "1"});
  for (const char* field :
       {"answer", "abstained", "sentences", "citations", "passages", "record", "tokens"}) {
    EXPECT_EQ(first[field], second[field]) << field;
  }
  ExpectFailure(Run({"ask", "house", "How long does the battery last?", "--replay",
                     (dir_ / "record.json").string()}),
                1, "differs from the record");
}

TEST_F(CommandLine, ARerankerRanksAnewAndBelongsToTheRecord) {
  RunJson({"index", "house", Docs(), "--public"});
  const std::string tiny = (testing::DataDir() / "models" / "tiny-cross-encoder").string();
  const std::vector<std::string> search = {"search", "house", "when is the rent due", "--reranker"};
  const auto with = [&](const std::string& reranker) {
    std::vector<std::string> arguments = search;
    arguments.push_back(reranker);
    return arguments;
  };
  const Json plain = RunJson({"search", "house", "when is the rent due"});
  for (const std::string& reranker : {tiny, std::string("generator")}) {
    const Json ranked = RunJson(with(reranker));
    EXPECT_EQ(ranked["passages"].size(), plain["passages"].size());
    EXPECT_NE(ranked["passages"][0]["score"], plain["passages"][0]["score"]) << reranker;
  }
  const std::string question = "When does the pump sound the occlusion alarm?";
  const Json first = RunJson({"ask", "house", question, "--reranker", tiny, "--rerank-depth", "8"});
  EXPECT_EQ(first["record"]["reranker_sha256"].get<std::string>().size(), 64u);
  Write("record.json", first.dump());
  const std::string record = (dir_ / "record.json").string();
  const Json again = RunJson(
      {"ask", "house", question, "--reranker", tiny, "--rerank-depth", "8", "--replay", record});
  EXPECT_EQ(again["passages"], first["passages"]);
  ExpectFailure(Run({"ask", "house", question, "--replay", record}), 1, "here it is none");
  const Json without = RunJson({"ask", "house", question});
  EXPECT_EQ(without["record"]["reranker_sha256"], "");
  Write("record.json", without.dump());
  ExpectFailure(Run({"ask", "house", question, "--replay", record, "--reranker", "generator"}), 1,
                "leave --reranker out");
  // What is none says so.
  ExpectFailure(Run(with((dir_ / "none").string())), 1, "the reranker: ");
  ExpectFailure(Run(with(testing::CachedModel("all-minilm-l6-v2").string())), 1,
                "BertForSequenceClassification");
  ExpectFailure(Run(with(testing::CachedModel("smollm2-135m-instruct").string())), 1,
                "`generator`");
  std::vector<std::string> useless = with(tiny);
  useless.insert(useless.end(), {"--generator", tiny});
  ExpectFailure(Run(useless), 1, "give both or none");
  std::vector<std::string> encoder = with("generator");
  encoder.insert(encoder.end(), {"--generator", tiny});
  ExpectFailure(Run(encoder), 1, "decoder");
  EXPECT_EQ(Run({"search", "house", "rent", "--rerank-depth", "0"}).exit_status, 2);
  ExpectFailure(Run({"serve", "--reranker", (dir_ / "none").string()}), 1, "the reranker: ");
}

TEST_F(CommandLine, CutsByAProfileThatIsPrintedAndChanged) {
  const CommandOutput legal = Run({"index", "--print-profile", "legal"});
  EXPECT_EQ(legal.exit_status, 0);
  EXPECT_NE(legal.out.find("keep_clauses_whole = true"), std::string::npos) << legal.out;
  ExpectFailure(Run({"index", "--print-profile", "law"}), 2, "general, legal, medical, technical");

  RunJson({"index", "house", Docs(), "--public"});
  const auto updated = [&](const std::string& profile) {
    return RunJson({"index", "house", Docs(), "--profile", profile})["documents"]["updated"];
  };
  EXPECT_EQ(updated("general"), 0);
  EXPECT_EQ(updated("legal"), 2);
  Write("mine.toml", legal.out);
  EXPECT_EQ(updated((dir_ / "mine.toml").string()), 0);
  Write("mine.toml", legal.out + "\nkeep = true\n");
  ExpectFailure(Run({"index", "house", Docs(), "--profile", (dir_ / "mine.toml").string()}), 1,
                "mine.toml, line ");
}

TEST_F(CommandLine, WarnsOfDocumentsInALanguageThatTheEmbedderDoesNotKnow) {
  EXPECT_TRUE(RunJson({"index", "house", Docs(), "--public"})["warnings"].empty());
  Write(
      "docs/vertrag.md",
      "Der Mieter gibt die Räume in dem Zustand zurück, in dem er sie erhalten hat, abgesehen von "
      "der üblichen Abnutzung. Die Kündigung erfolgt schriftlich, drei Monate vor dem Ende eines "
      "Quartals.\n");
  const CommandOutput output = Run({"index", "house", Docs(), "--json"});
  const Json warnings = Json::parse(output.out)["warnings"];
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_NE(output.err.find(warnings[0].get<std::string>()), std::string::npos) << output.err;
  EXPECT_NE(warnings[0].get<std::string>().find("1 of 1 documents (1 de)"), std::string::npos);
}

TEST_F(CommandLine, UpdatesDeletesErasesAndRollsBack) {
  RunJson({"index", "house", Docs(), "--public"});
  std::filesystem::remove(dir_ / "docs/pump.md");
  std::string changed = kLease;
  changed.replace(changed.find("950"), 3, "990");
  Write("docs/lease.md", changed);
  const Json updated = RunJson({"index", "house", Docs(), "--public", "--prune"});
  EXPECT_EQ(updated["documents"]["updated"], 1);
  EXPECT_EQ(updated["documents"]["deleted"], 1);
  for (const Json& passage :
       Passages({"search", "house", "occlusion alarm pressure of the pump"})) {
    EXPECT_NE(passage["document_id"], "pump.md");
  }
  EXPECT_EQ(RunJson({"corpus", "show", "house"})["documents"], 1);
  EXPECT_EQ(RunJson({"corpus", "verify", "house"})["findings"], Json::array());

  RunJson({"corpus", "rollback", "house"});
  EXPECT_EQ(RunJson({"corpus", "show", "house"})["documents"], 2);
  RunJson({"corpus", "erase", "house", "lease.md"});
  ExpectFailure(Run({"corpus", "document", "house", "lease.md"}), 1, "lease.md");
  for (const Json& passage : Passages({"search", "house", "rent of the flat"}))
    EXPECT_NE(passage["document_id"], "lease.md");
}

TEST_F(CommandLine, AccessListsHideDocumentsFromThoseNotOnThem) {
  Write("acl.jsonl",
        "{\"document_id\":\"lease.md\",\"allow\":[\"user:ann\"]}\n{\"document_id\":\"pump.md\","
        "\"allow\":[\"group:ward\"],\"deny\":[\"user:ann\"]}\n");
  RunJson({"index", "house", Docs(), "--acl", (dir_ / "acl.jsonl").string()});
  auto ids = [&](std::vector<std::string> extra) {
    std::vector<std::string> arguments = {"search", "house",
                                          "rent of the flat and alarms of the pump"};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    std::set<std::string> seen;
    for (const Json& passage : Passages(arguments)) seen.insert(passage["document_id"]);
    return seen;
  };
  EXPECT_EQ(ids({}), std::set<std::string>{});
  EXPECT_EQ(ids({"--as", "user:ann"}), std::set<std::string>{"lease.md"});
  EXPECT_EQ(ids({"--as", "user:bob", "group:ward"}), std::set<std::string>{"pump.md"});
  EXPECT_EQ(ids({"--as", "user:ann", "group:ward"}), std::set<std::string>{"lease.md"})
      << "deny wins";
  const Json answer = RunJson({"ask", "house", "How much is the rent?"});
  EXPECT_TRUE(answer["abstained"]);
  EXPECT_EQ(answer["reason"], "NO_RELEVANT_CONTENT");
}

TEST_F(CommandLine, BadInputIsOneClearSentence) {
  RunJson({"index", "house", Docs(), "--public"});
  ExpectFailure(Run({"ask", "nowhere", "Why?"}), 1, "nowhere");
  ExpectFailure(Run({"ask", "house", ""}), 1, "empty");
  ExpectFailure(Run({"ask", "house", "-"}, std::string(1 << 20, 'a')), 1, "1048576 bytes");
  ExpectFailure(Run({"ask", "house", "caf\xE9"}), 1, "UTF-8");
  ExpectFailure(Run({"search", "house", "rent", "--filter", "colour = "}), 1, "expected");
  ExpectFailure(Run({"search", "house", "rent", "--filter", "colour = \"red\""}), 1, "colour");
  ExpectFailure(Run({"search", "house", "rent", "--as", "ann"}), 1, "ann");
  ExpectFailure(Run({"index", "house", (dir_ / "missing").string(), "--public"}), 1, "missing");
  ExpectFailure(Run({"index", "Bad Name", Docs(), "--public"}), 1, "Bad Name");
  ExpectFailure(Run({"ask", "house", "How much is the rent?", "--generator",
                     (dir_ / "docs/lease.md").string()}),
                1, "lease.md");
  ExpectFailure(Run({"ask", "house", "How much is the rent?", "--generator",
                     testing::CachedModel("all-minilm-l6-v2").string()}),
                1, "decoder");
  ExpectFailure(Run({"index", "house2", Docs(), "--embedder",
                     testing::CachedModel("smollm2-135m-instruct").string()}),
                1, "encoder");
  ExpectFailure(Run({"ask", "house", "How much is the rent?", "--chat-template", "nowhere"}), 1,
                "no chat template family \"nowhere\"");
  EXPECT_EQ(Run({"ask", "house", "Why?", "--chat-template", "chatml", "--server", "127.0.0.1:1"})
                .exit_status,
            2);
  EXPECT_EQ(Run({"ask"}).exit_status, 2);
  EXPECT_EQ(Run({"nonsense"}).exit_status, 2);
  EXPECT_EQ(Run({"--help"}).exit_status, 0);
}

// SmolLM2's own template and chatml differ where there is no system message only.
TEST_F(CommandLine, AFamilyStandsInForTheModelsOwnTemplate) {
  RunJson({"index", "house", Docs(), "--public"});
  const std::string question = "How much is the rent?";
  const Json own = RunJson({"ask", "house", question});
  const Json other = RunJson({"ask", "house", question, "--chat-template", "llama3"});
  EXPECT_NE(own["record"]["prompt_sha256"], other["record"]["prompt_sha256"]);
  const Json alike = RunJson({"ask", "house", question, "--chat-template", "chatml"});
  EXPECT_EQ(own["record"]["prompt_sha256"], alike["record"]["prompt_sha256"]);
}

TEST_F(CommandLine, ATruncatedOrFlippedModelIsRefusedByName) {
  const std::filesystem::path model = testing::CachedModel("smollm2-135m-instruct");
  const std::string head = [&] {
    std::string bytes(4 << 20, '\0');
    std::ifstream(model, std::ios::binary)
        .read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return bytes;
  }();
  Write("truncated.gguf", head);
  ExpectFailure(Run({"model", "show", (dir_ / "truncated.gguf").string()}), 1, "truncated.gguf");
  std::string flipped = head;
  flipped[1] ^= 0x40;
  Write("flipped.gguf", flipped);
  ExpectFailure(Run({"model", "show", (dir_ / "flipped.gguf").string()}), 1, "flipped.gguf");
  ExpectFailure(Run({"model", "show", (dir_ / "none.gguf").string()}), 1, "none.gguf");
}

TEST_F(CommandLine, EvaluatesRetrievalOnASetOfItsOwn) {
  std::filesystem::create_directories(dir_ / "set");
  Write("set/corpus.jsonl", Json{{"_id", "l"}, {"title", "Lease"}, {"text", kLease}}.dump() + "\n" +
                                Json{{"_id", "p"}, {"title", "Pump"}, {"text", kPump}}.dump() +
                                "\n");
  Write("set/queries.jsonl",
        "{\"_id\":\"q1\",\"text\":\"notice period of the "
        "lease\"}\n{\"_id\":\"q2\",\"text\":\"battery of the infusion pump\"}\n");
  Write("set/qrels.tsv", "query-id\tcorpus-id\tscore\nq1\tl\t1\nq2\tp\t1\n");
  environment_["FOOTNOTE_CACHE"] = (dir_ / "cache").string();
  const std::string embedder = testing::CachedModel("all-minilm-l6-v2").string();
  const Json figures = RunJson({"eval", "retrieval", (dir_ / "set").string(), "--embedder",
                                embedder, "--run", (dir_ / "run.txt").string()});
  EXPECT_EQ(figures["ndcg@10"], 1.0);
  EXPECT_EQ(figures["queries"], 2);
  std::ifstream run(dir_ / "run.txt");
  std::string line;
  std::getline(run, line);
  EXPECT_EQ(line.substr(0, 10), "q1 Q0 l 1 ") << line;
}

TEST_F(CommandLine, BenchesOfBuildingAndSearchingGiveTheirFigures) {
  const Json built = RunJson({"bench", "index", Docs(), "--precision", "int8"});
  EXPECT_EQ(built["documents"], 2);
  EXPECT_EQ(built["failed"], 0);
  for (const char* figure :
       {"chunks", "tokens", "seconds", "chunks_per_second", "unchanged_run_seconds",
        "disk_bytes_per_chunk", "peak_resident_bytes", "threads", "cpu"}) {
    EXPECT_TRUE(built.contains(figure)) << figure;
  }
  // Nothing of it stays.
  ExpectFailure(Run({"search", "bench", "rent"}), 1, "no corpus");

  RunJson({"index", "papers", Docs(), "--public"});
  Write("queries.txt", "What is the rent?\n\nocclusion alarm\n");
  const Json searched =
      RunJson({"bench", "search", "papers", "--queries", (dir_ / "queries.txt").string()});
  EXPECT_EQ(searched["queries"], 2);
  EXPECT_EQ(searched["recall_against_exact"], 1.0);
  for (const char* figure : {"total_ms_p50", "total_ms_p95", "dense_ms_p50", "resident_bytes"}) {
    EXPECT_GT(searched[figure], 0) << figure;
  }
  // Without a file, the titles that the asker may see.
  EXPECT_EQ(RunJson({"bench", "search", "papers"})["queries"], 2);
  ExpectFailure(Run({"bench", "index", (dir_ / "queries.txt").string() + ".none"}), 1,
                "does not exist");
}

}  // namespace
}  // namespace footnote
