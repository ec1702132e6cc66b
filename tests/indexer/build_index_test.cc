#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <map>
#include <optional>
#include <stop_token>
#include <thread>

#include "common/sha256.h"
#include "indexer/indexer.h"
#include "indexer/pipeline/file_notes.h"
#include "tests/indexer/memory_writer.h"
#include "tests/testing/fake_embedder.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::indexer {
namespace {

namespace fs = std::filesystem;

// Calls back before each batch; its status is the embedder's.
class HookedEmbedder : public testing::FakeEmbedder {
 public:
  HookedEmbedder() : FakeEmbedder(8) {}
  StatusOr<Embeddings> Embed(std::span<const std::string_view> texts, TextRole role,
                             const CallContext& call) const override {
    EXPECT_EQ(role, TextRole::kPassage);
    if (on_embed) FOOTNOTE_RETURN_IF_ERROR(on_embed());
    if (on_texts) on_texts(texts);
    return FakeEmbedder::Embed(texts, role, call);
  }
  std::function<Status()> on_embed;
  std::function<void(std::span<const std::string_view>)> on_texts;
};

class BuildIndexTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& content) {
    fs::create_directories((source_ / name).parent_path());
    std::ofstream(source_ / name, std::ios::binary) << content;
  }
  StatusOr<IndexReport> Build(const CallContext& call = CallContext()) {
    return BuildIndex(options_, embedder_, writer_, {}, call);
  }
  // Documents of several lengths in one JSON lines file.
  void WriteMany(int count) {
    std::string lines;
    for (int i = 0; i < count; ++i) {
      const std::string n = std::to_string(i);
      lines += "{\"_id\":\"d" + n + "\",\"title\":\"T" + n + "\",\"text\":\"Document " + n;
      for (int j = 0; j < i % 7; ++j) lines += " says more. Also this";
      lines += ".\"}\n";
    }
    Write("many.jsonl", lines);
  }

  testing::TempDir source_;
  HookedEmbedder embedder_;
  MemoryWriter writer_;
  IndexOptions options_{.sources = {source_.path()}};
};

TEST_F(BuildIndexTest, AddsThenDoesNothingThenUpdatesWhatChanged) {
  Write("a.md", "# A\n\nText of a.\n");
  Write("sub/b.txt", "Text of b. More of b.\n");
  ASSERT_OK_AND_ASSIGN(IndexReport report, Build());
  EXPECT_EQ(report.added, 2);
  EXPECT_EQ(report.chunks, 2);
  EXPECT_EQ(report.tokens, 10);
  EXPECT_EQ(report.failed, 0);
  EXPECT_EQ(report.generation, 1u);
  const retriever::Document& a = writer_.documents.at("a.md").document.document;
  EXPECT_EQ(a.text, "A\n\nText of a.");
  EXPECT_EQ(a.version, Sha256Hex(a.text));
  EXPECT_EQ(a.source, (source_ / "a.md").string());

  ASSERT_OK_AND_ASSIGN(report, Build());
  EXPECT_EQ(report.unchanged, 2);
  EXPECT_EQ(report.added + report.updated + report.chunks + report.tokens, 0);

  Write("sub/b.txt", "Other text.\n");
  ASSERT_OK_AND_ASSIGN(report, Build());
  EXPECT_EQ(report.unchanged, 1);
  EXPECT_EQ(report.updated, 1);
  EXPECT_EQ(writer_.puts, 3);
}

TEST_F(BuildIndexTest, GivesEachChunkTheVectorOfItsText) {
  WriteMany(900);  // more than one window of chunks, in another order inside
  ASSERT_OK(Build());
  ASSERT_EQ(writer_.documents.size(), 900u);
  for (const auto& [id, stored] : writer_.documents) {
    const retriever::IndexedDocument& document = stored.document;
    ASSERT_EQ(document.vectors.size(), document.chunks.size() * 8);
    for (size_t i = 0; i < document.chunks.size(); ++i) {
      const std::string_view text = document.chunks[i].embedded_text;
      ASSERT_OK_AND_ASSIGN(
          const Embeddings expected,
          testing::FakeEmbedder(8).Embed(std::span(&text, 1), TextRole::kPassage, CallContext()));
      for (size_t j = 0; j < 8; ++j) {
        ASSERT_EQ(document.vectors[i * 8 + j], expected.values[j]) << id << " chunk " << i;
      }
    }
  }
}

TEST_F(BuildIndexTest, EmbedsEqualTextsOnceWhereverTheyStand) {
  // The same texts in one window of chunks, and again in one much later.
  std::string lines;
  int different = 0;
  const auto add = [&](const std::string& id, const std::string& text) {
    lines += "{\"_id\":\"" + id + "\",\"text\":\"" + text + "\"}\n";
  };
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 20; ++j) {
      add("same" + std::to_string(i) + "-" + std::to_string(j), "This notice is boilerplate.");
    }
    for (int j = 0; j < 700; ++j, ++different) {
      add("own" + std::to_string(different), "Text " + std::to_string(different) + ".");
    }
  }
  Write("many.jsonl", lines);
  std::map<std::string, int> embedded;
  embedder_.on_texts = [&](std::span<const std::string_view> texts) {
    for (const std::string_view text : texts) ++embedded[std::string(text)];
  };
  ASSERT_OK_AND_ASSIGN(const IndexReport report, Build());
  EXPECT_EQ(report.chunks, different + 60);
  EXPECT_EQ(report.chunks_reused, 59);
  EXPECT_EQ(static_cast<int>(embedded.size()), different + 1);
  for (const auto& [text, times] : embedded) EXPECT_EQ(times, 1) << text;
  const std::vector<float> first = writer_.documents.at("same0-0").document.vectors;
  EXPECT_EQ(first.size(), 8u);
  for (const auto& [id, stored] : writer_.documents) {
    EXPECT_EQ(stored.document.vectors == first, id.starts_with("same")) << id;
  }
}

TEST_F(BuildIndexTest, DeletesOnlyWhenAskedWhatTheSourcesNoLongerHold) {
  Write("a.txt", "A.");
  Write("b.txt", "B.");
  ASSERT_OK(Build());
  fs::remove(source_ / "b.txt");
  ASSERT_OK_AND_ASSIGN(IndexReport report, Build());
  EXPECT_EQ(report.deleted, 0);
  EXPECT_EQ(writer_.documents.size(), 2u);
  options_.prune = true;
  ASSERT_OK_AND_ASSIGN(report, Build());
  EXPECT_EQ(report.deleted, 1);
  EXPECT_FALSE(writer_.documents.contains("b.txt"));
}

TEST_F(BuildIndexTest, DeletesNothingThatMayStandInWhatCouldNotBeRead) {
  Write("a.jsonl", "{\"_id\":\"x\",\"text\":\"X.\"}\n{\"_id\":\"y\",\"text\":\"Y.\"}\n");
  Write("b.txt", "B.");
  ASSERT_OK(Build());
  Write("a.jsonl", "{\"_id\":\"x\",\"text\":\"X.\"}\n{\"_id\":\"y\",\"te");
  Write("b.txt", std::string("B\0", 2));
  options_.prune = true;
  ASSERT_OK_AND_ASSIGN(const IndexReport report, Build());
  EXPECT_EQ(report.deleted, 0);
  EXPECT_EQ(writer_.documents.size(), 3u);
  ASSERT_EQ(report.failures.size(), 3u);
  EXPECT_EQ(report.failures[2].source, "--prune");
}

TEST_F(BuildIndexTest, KeepsADocumentThatBecameUnreadableWhenPruning) {
  Write("a.txt", "A.");
  ASSERT_OK(Build());
  Write("a.txt", "");
  options_.prune = true;
  ASSERT_OK_AND_ASSIGN(const IndexReport report, Build());
  EXPECT_EQ(report.failed, 1);
  EXPECT_EQ(report.deleted, 0);
  EXPECT_TRUE(writer_.documents.contains("a.txt"));
}

TEST_F(BuildIndexTest, FailsTheLaterOfTwoDocumentsWithOneId) {
  Write("a.jsonl", "{\"_id\":\"x\",\"text\":\"First.\"}\n");
  Write("b.jsonl", "{\"_id\":\"x\",\"text\":\"Second.\"}\n");
  ASSERT_OK_AND_ASSIGN(const IndexReport report, Build());
  EXPECT_EQ(report.added, 1);
  EXPECT_EQ(report.failed, 1);
  EXPECT_EQ(writer_.documents.at("x").document.document.text, "First.");
  EXPECT_NE(report.failures.at(0).error.find("\"x\""), std::string::npos);
  EXPECT_NE(report.failures.at(0).source.find("b.jsonl"), std::string::npos);
}

TEST_F(BuildIndexTest, GivesTheDefaultListToDocumentsOfWhichNothingIsSaid) {
  const testing::TempDir rules;
  options_.access_file = rules / "access.toml";
  std::ofstream(options_.access_file)
      << "[default]\nallow = ['group:staff']\n[[rule]]\ndocument = 'ruled'\ndeny = ['everyone']\n";
  Write("a.txt", "A.");
  Write("own.jsonl",
        "{\"_id\":\"own\",\"text\":\"O.\",\"acl\":{\"allow\":[\"user:ann\"]}}\n"
        "{\"_id\":\"ruled\",\"text\":\"R.\",\"acl\":{\"allow\":[\"user:ann\"]}}\n");
  ASSERT_OK(Build());
  const auto access = [&](const std::string& id) {
    return writer_.documents.at(id).document.document.access;
  };
  EXPECT_EQ(access("a.txt"), (retriever::AccessList{{"group:staff"}, {}}));
  EXPECT_EQ(access("own"), (retriever::AccessList{{"user:ann"}, {}}));
  EXPECT_EQ(access("ruled"), (retriever::AccessList{{}, {"everyone"}}));
}

TEST_F(BuildIndexTest, LeavesFilesUnreadThatLookAsTheyDid) {
  options_.skip_unchanged_files = true;
  Write("a.txt", "A.");
  Write("b.jsonl", "{\"_id\":\"x\",\"text\":\"X.\"}\n{\"_id\":\"y\",\"text\":\"Y.\"}\n");
  Write("broken.txt", std::string("B\0", 2));
  Write("own.jsonl", "{\"_id\":\"o\",\"text\":\"O.\",\"acl\":{\"allow\":[\"user:ann\"]}}\n");
  ASSERT_OK(Build());
  // They changed a moment ago, and could again without looking different.
  EXPECT_TRUE(writer_.notes.empty());
  std::this_thread::sleep_for(std::chrono::milliseconds(2200));
  ASSERT_OK_AND_ASSIGN(IndexReport report, Build());
  EXPECT_EQ(report.unchanged, 4);
  EXPECT_EQ(writer_.notes.size(), 3u);  // a failed file is tried again each time
  ASSERT_OK_AND_ASSIGN(report, Build());
  EXPECT_EQ(report.unchanged, 4);
  EXPECT_EQ(report.failed, 1);

  // That the notes are what is gone by: those here tell of no documents.
  const std::map<std::string, std::string> true_notes = writer_.notes;
  for (auto& [file, bytes] : writer_.notes) {
    ReadNote note = DecodeNote(bytes).value();
    note.documents.clear();
    bytes = EncodeNote(note);
  }
  ASSERT_OK_AND_ASSIGN(report, Build());
  EXPECT_EQ(report.unchanged, 0);
  options_.read_all_files = true;
  ASSERT_OK_AND_ASSIGN(report, Build());
  EXPECT_EQ(report.unchanged, 4);
  EXPECT_EQ(writer_.notes, true_notes);
  options_.read_all_files = false;

  // A document that went by another way, an erasure or a rollback, comes back.
  writer_.documents.erase("y");
  ASSERT_OK_AND_ASSIGN(report, Build());
  EXPECT_EQ(report.added, 1);
  EXPECT_EQ(report.unchanged, 3);

  // Rules change who may see a document, without its file being read or its text embedded.
  const testing::TempDir other;
  options_.access_file = other / "access.jsonl";
  std::ofstream(options_.access_file) << R"({"prefix":"x","allow":["user:bob"]})";
  const int puts = writer_.puts;
  ASSERT_OK_AND_ASSIGN(report, Build());
  EXPECT_EQ(report.updated, 1);
  EXPECT_EQ(report.chunks, 0);
  EXPECT_EQ(writer_.puts, puts);
  ASSERT_EQ(writer_.access_changes.size(), 1u);
  EXPECT_EQ(writer_.access_changes[0].first, "x");
  // "o" has a list of its own, which the rule for "x" does not touch.
  EXPECT_EQ(writer_.documents.at("o").document.document.access.allow,
            std::vector<std::string>{"user:ann"});

  // Another content of the same length, in another file that takes the name.
  Write("new", "C.");
  fs::rename(source_ / "new", source_ / "a.txt");
  ASSERT_OK_AND_ASSIGN(report, Build());
  EXPECT_EQ(report.updated, 1);
  EXPECT_EQ(writer_.documents.at("a.txt").document.document.text, "C.");

  // Other settings.
  options_.chunk_budget_tokens = 16;
  ASSERT_OK_AND_ASSIGN(report, Build());
  EXPECT_EQ(report.updated, 4);
}

TEST_F(BuildIndexTest, PublishesWhatIsNotEmbeddedYet) {
  constexpr int kMany = 6000;  // more than the queue takes
  WriteMany(kMany);
  std::atomic<bool> published = false;
  size_t with_vectors = 0;
  writer_.on_publish = [&] {
    if (published) return;
    for (const auto& [id, stored] : writer_.documents) {
      with_vectors += stored.document.vectors.empty() ? 0 : 1;
    }
    published = true;
  };
  // An embedder so slow that all is read meanwhile.
  embedder_.on_embed = [&]() -> Status {
    for (int i = 0; i < 10000 && !published; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return published ? OkStatus() : InternalError("nothing was published");
  };
  std::vector<IndexProgress> seen;
  ASSERT_OK_AND_ASSIGN(
      const IndexReport report,
      BuildIndex(
          options_, embedder_, writer_,
          [&](const IndexProgress& progress) { seen.push_back(progress); }, CallContext()));
  EXPECT_EQ(with_vectors, 0u);
  EXPECT_EQ(report.added, kMany);
  EXPECT_EQ(report.chunks, kMany);
  EXPECT_EQ(seen.back().chunks_total, kMany);
  ASSERT_EQ(writer_.documents.size(), static_cast<size_t>(kMany));
  for (const auto& [id, stored] : writer_.documents) {
    const std::string_view text = stored.document.chunks.at(0).embedded_text;
    ASSERT_OK_AND_ASSIGN(
        const Embeddings expected,
        testing::FakeEmbedder(8).Embed(std::span(&text, 1), TextRole::kPassage, CallContext()));
    ASSERT_EQ(stored.document.vectors, expected.values) << id;
  }
  ASSERT_OK_AND_ASSIGN(const IndexReport again, Build());
  EXPECT_EQ(again.unchanged, kMany);
  EXPECT_EQ(again.chunks, 0);
}

TEST_F(BuildIndexTest, EmbedsWhatAnEarlierRunLeftWithoutVectors) {
  WriteMany(5);
  ASSERT_OK(Build());
  writer_.documents.at("d1").document.vectors.clear();
  writer_.documents.at("d4").document.vectors.clear();
  const int puts = writer_.puts;
  ASSERT_OK_AND_ASSIGN(const IndexReport report, Build());
  EXPECT_EQ(report.unchanged, 5);
  EXPECT_EQ(report.chunks, 2);
  EXPECT_EQ(writer_.puts, puts);
  EXPECT_EQ(writer_.documents.at("d4").document.vectors.size(), 8u);
}

TEST_F(BuildIndexTest, TellsEachFailureAtOnce) {
  Write("a.png", "\x89PNG\r\n");
  Write("b.txt", "Good.");
  std::vector<std::string> failed;
  options_.on_failure = [&](const IndexFailure& failure) { failed.push_back(failure.source); };
  ASSERT_OK(Build());
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_NE(failed[0].find("a.png"), std::string::npos);
}

TEST(FileNotes, AreReadBackOrRefused) {
  ReadNote note{{1, -2, 3, 4, 5}, "settings", "rules", true, {}};
  note.documents.push_back({std::string("odd: \n\0 id", 11), DigestOfState("v", "f")});
  note.documents.push_back({"", ""});
  const std::string bytes = EncodeNote(note);
  const std::optional<ReadNote> back = DecodeNote(bytes);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->identity, note.identity);
  EXPECT_EQ(back->settings, "settings");
  EXPECT_EQ(back->rules, "rules");
  EXPECT_TRUE(back->own_access);
  ASSERT_EQ(back->documents.size(), 2u);
  EXPECT_EQ(back->documents[0].id, note.documents[0].id);
  EXPECT_EQ(back->documents[0].digest, note.documents[0].digest);
  // A cut between two fields gives a shorter note or none, never a wrong one.
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    const std::optional<ReadNote> part = DecodeNote(bytes.substr(0, cut));
    EXPECT_TRUE(!part || part->documents.size() < 2) << cut;
  }
  EXPECT_NE(DigestOfState("ab", "c"), DigestOfState("a", "bc"));
}

TEST_F(BuildIndexTest, GoesOnAfterFailures) {
  Write("a.png", "\x89PNG\r\n");
  Write("b.jsonl", "nonsense\n{\"_id\":\"ok\",\"text\":\"Fine.\"}\n");
  Write("c.txt", "  \n");
  Write("d.txt", "Good.");
  ASSERT_OK_AND_ASSIGN(const IndexReport report, Build());
  EXPECT_EQ(report.failed, 3);
  EXPECT_EQ(report.failures.size(), 3u);
  EXPECT_EQ(report.added, 2);
}

TEST_F(BuildIndexTest, FailsWithoutASource) {
  options_.sources = {source_ / "missing"};
  EXPECT_STATUS(Build(), kNotFound, "missing");
}

TEST_F(BuildIndexTest, TakesAccessFromTheFileBeforeTheDocument) {
  Write("a.jsonl",
        "{\"_id\":\"x\",\"text\":\"X.\",\"acl\":{\"allow\":[\"user:ann\"]}}\n"
        "{\"_id\":\"y\",\"text\":\"Y.\",\"acl\":{\"allow\":[\"user:ann\"]}}\n"
        "{\"_id\":\"z\",\"text\":\"Z.\",\"acl\":{\"allow\":[\"ann\"]}}\n");
  const testing::TempDir other;
  options_.access_file = other / "access.jsonl";
  std::ofstream(options_.access_file) << R"({"document_id":"y","deny":["everyone"]})";
  ASSERT_OK_AND_ASSIGN(const IndexReport report, Build());
  EXPECT_EQ(writer_.documents.at("x").document.document.access.allow,
            std::vector<std::string>{"user:ann"});
  const retriever::AccessList& y = writer_.documents.at("y").document.document.access;
  EXPECT_TRUE(y.allow.empty());
  EXPECT_EQ(y.deny, std::vector<std::string>{"everyone"});
  // A principal that is none must not open the document.
  EXPECT_FALSE(writer_.documents.contains("z"));
  EXPECT_EQ(report.failed, 1);
}

TEST_F(BuildIndexTest, ChangesAccessAtOnceAndDoesNothingWithABadAccessFile) {
  Write("a.txt", "A.");
  Write("b.txt", "B.");
  ASSERT_OK(Build());
  EXPECT_TRUE(writer_.access_changes.empty());
  const testing::TempDir other;
  options_.access_file = other / "access.jsonl";
  std::ofstream(options_.access_file) << R"({"prefix":"a","allow":["user:ann"]})";
  ASSERT_OK_AND_ASSIGN(const IndexReport report, Build());
  EXPECT_EQ(report.updated, 1);
  EXPECT_EQ(report.unchanged, 1);
  ASSERT_EQ(writer_.access_changes.size(), 1u);
  EXPECT_EQ(writer_.access_changes[0].first, "a.txt");
  EXPECT_EQ(writer_.access_changes[0].second.allow, std::vector<std::string>{"user:ann"});
  std::ofstream(options_.access_file) << "{oops";
  EXPECT_STATUS(Build(), kInvalidArgument, "access.jsonl:1");
}

TEST_F(BuildIndexTest, CutsAnewForAnotherProfileAndNotForGeneral) {
  options_.skip_unchanged_files = true;
  Write("a.txt", "7.1 A clause.");
  const auto updated = [&] {
    const auto report = Build();
    return report.ok() ? report->updated : -1;
  };
  ASSERT_OK(Build());
  // A change of it embeds every corpus again: only with kChunkerVersion.
  const std::string general = writer_.documents.at("a.txt").fingerprint;
  EXPECT_EQ(general, "b0d0ce13537d6cab284739f07b7b8ff64d495c1148f670f8bdb57c1ab59c1e79");
  std::this_thread::sleep_for(std::chrono::milliseconds(2200));  // until files leave notes
  EXPECT_EQ(updated(), 0);
  ASSERT_OK_AND_ASSIGN(options_.profile, LoadProfile("general", {}));
  EXPECT_EQ(updated(), 0);
  ASSERT_OK_AND_ASSIGN(options_.profile, LoadProfile("legal", {}));
  EXPECT_EQ(updated(), 1);
  EXPECT_EQ(updated(), 0);
  options_.profile.keep_clauses_whole = false;
  EXPECT_EQ(updated(), 1);
  options_.profile = Profile();
  EXPECT_EQ(updated(), 1);
  EXPECT_EQ(writer_.documents.at("a.txt").fingerprint, general);
  options_.profile.budget_tokens = 30;
  EXPECT_EQ(updated(), 1);
  options_.chunk_budget_tokens = 40;  // goes before the profile's
  EXPECT_EQ(updated(), 1);
  options_.profile.budget_tokens = 50;
  EXPECT_EQ(updated(), 0);
}

TEST_F(BuildIndexTest, AddsTheLanguageWithoutCuttingAnew) {
  const std::string german =
      "Der Mieter gibt die Räume in dem Zustand zurück, in dem er sie erhalten hat, abgesehen von "
      "der üblichen Abnutzung. Die Kündigung erfolgt schriftlich, drei Monate vor dem Ende eines "
      "Quartals.";
  Write("a.jsonl", "{\"_id\":\"plain\",\"text\":\"" + german +
                       "\"}\n{\"_id\":\"own\",\"language\":\"de-AT\",\"text\":\"" + german +
                       "\"}\n{\"_id\":\"short\",\"text\":\"Kurz.\"}\n");
  ASSERT_OK_AND_ASSIGN(IndexReport report, Build());
  EXPECT_EQ(report.languages, (std::map<std::string, int64_t>{{"", 1}, {"de", 2}}));
  const auto language = [&](const std::string& id) {
    const retriever::Metadata& metadata = writer_.documents.at(id).document.document.metadata;
    const auto found = metadata.find("language");
    return found == metadata.end() ? "none" : std::get<std::string>(found->second.at(0));
  };
  EXPECT_EQ(language("plain"), "de");
  EXPECT_EQ(language("own"), "de-AT");
  EXPECT_EQ(language("short"), "none");
  // The fingerprint is that of a document whose language nobody knew.
  EXPECT_EQ(writer_.documents.at("plain").fingerprint, writer_.documents.at("short").fingerprint);
  ASSERT_OK_AND_ASSIGN(report, Build());
  EXPECT_EQ(report.unchanged, 3);
  EXPECT_TRUE(report.languages.empty());
}

TEST_F(BuildIndexTest, IndexesAgainForAnotherBudgetTitleOrMetadata) {
  Write("a.jsonl", "{\"_id\":\"x\",\"title\":\"T\",\"text\":\"X.\",\"year\":1}\n");
  ASSERT_OK(Build());
  const auto updated = [&] {
    const auto report = Build();
    return report.ok() ? report->updated : -1;
  };
  EXPECT_EQ(updated(), 0);
  options_.chunk_budget_tokens = 50;
  EXPECT_EQ(updated(), 1);
  Write("a.jsonl", "{\"_id\":\"x\",\"title\":\"U\",\"text\":\"X.\",\"year\":1}\n");
  EXPECT_EQ(updated(), 1);
  Write("a.jsonl", "{\"_id\":\"x\",\"title\":\"U\",\"text\":\"X.\",\"year\":2}\n");
  EXPECT_EQ(updated(), 1);
  // Where it stands in the file does not matter.
  Write("a.jsonl", "\n\n{\"_id\":\"x\",\"title\":\"U\",\"text\":\"X.\",\"year\":2}\n");
  EXPECT_EQ(updated(), 0);
}

TEST_F(BuildIndexTest, PublishesAsOftenAsAsked) {
  WriteMany(50);
  options_.publish_every_chunks = 10;
  ASSERT_OK_AND_ASSIGN(const IndexReport report, Build());
  EXPECT_EQ(report.generation, 6u);  // five times ten, and at the end
}

TEST_F(BuildIndexTest, KeepsWhatIsDoneWhenCancelledAndGoesOnFromThere) {
  WriteMany(2000);
  std::stop_source stop;
  int calls = 0;
  embedder_.on_embed = [&] {
    if (++calls == 12) stop.request_stop();
    return OkStatus();
  };
  EXPECT_STATUS(Build(CallContext(stop.get_token())), kCancelled, "cancel");
  const auto done = static_cast<int64_t>(writer_.documents.size());
  EXPECT_GT(done, 0);
  EXPECT_LT(done, 2000);
  ASSERT_OK_AND_ASSIGN(const IndexReport report, Build());
  EXPECT_EQ(report.unchanged, done);
  EXPECT_EQ(report.added, 2000 - done);
}

TEST_F(BuildIndexTest, EndsWithTheEmbeddersOrWritersError) {
  WriteMany(3000);  // the reader is still at work when the error comes
  embedder_.on_embed = [] { return InternalError("the embedder broke"); };
  EXPECT_STATUS(Build(), kInternal, "the embedder broke");
  embedder_.on_embed = nullptr;
  writer_.on_put = [](const auto&) { return ResourceExhaustedError("the disk is full"); };
  EXPECT_STATUS(Build(), kResourceExhausted, "the disk is full");
}

TEST_F(BuildIndexTest, TakesARefusedDocumentForAFailure) {
  WriteMany(3);
  writer_.on_put = [](const retriever::IndexedDocument& document) {
    return document.document.id == "d1" ? InvalidArgumentError("not this one") : OkStatus();
  };
  ASSERT_OK_AND_ASSIGN(const IndexReport report, Build());
  EXPECT_EQ(report.added, 2);
  EXPECT_EQ(report.failed, 1);
}

TEST_F(BuildIndexTest, TellsItsProgress) {
  WriteMany(1500);
  std::vector<IndexProgress> seen;
  ASSERT_OK(BuildIndex(
      options_, embedder_, writer_,
      [&](const IndexProgress& progress) { seen.push_back(progress); }, CallContext()));
  ASSERT_GE(seen.size(), 3u);
  EXPECT_EQ(seen.front().phase, "reading");
  EXPECT_EQ(seen.back().phase, "publishing");
  EXPECT_EQ(seen.back().documents_done, 1500);
  EXPECT_EQ(seen.back().documents_total, 1500);
  EXPECT_DOUBLE_EQ(seen.back().share, 1.0);
  for (size_t i = 1; i < seen.size(); ++i) {
    EXPECT_LE(seen[i - 1].share, seen[i].share);
    EXPECT_LE(seen[i - 1].documents_done, seen[i].documents_done);
  }
}

}  // namespace
}  // namespace footnote::indexer
