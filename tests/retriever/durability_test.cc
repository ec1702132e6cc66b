// What survives: killed writers, a reader in another process, a full disk, damaged files, erasure.
//
// Children are this program run again (RocksDB's threads do not survive a bare fork).
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <thread>

#include "common/file.h"
#include "retriever/storage/chunk_store.h"
#include "tests/retriever/corpus_builder.h"
#include "tests/retriever/corpus_dump.h"

namespace footnote::retriever {
namespace {

namespace fs = std::filesystem;
using testing::Ask;
using testing::FakeEmbedder;
using testing::FilesWith;
using testing::IdsOf;
using ::testing::IsEmpty;
using testing::MakeDocument;
using testing::SettingsFor;
using testing::TempDir;

constexpr char kChildFolder[] = "FOOTNOTE_TEST_CHILD_FOLDER";
constexpr int kDocuments = 40;

std::string TextOf(int i, int edition) {
  std::string text = "Clause " + std::to_string(i) + " of edition " + std::to_string(edition);
  for (int p = 0; p <= i % 3; ++p) {
    text += "\n\nword" + std::to_string(i * 7 % 23) + " term" + std::to_string((i + p) % 11) +
            " shall apply to part" + std::to_string(p);
  }
  return text;
}

// Stages what Lookup does not know yet and publishes every few documents, as an indexer does.
Status BuildCorpus(const fs::path& root) {
  const FakeEmbedder embedder;
  FOOTNOTE_ASSIGN_OR_RETURN(auto writer, CorpusWriter::Open(root, "docs", SettingsFor(embedder)));
  for (int edition = 0; edition < 2; ++edition) {
    for (int i = 0; i < kDocuments; ++i) {
      // The second edition replaces every third document and deletes every tenth.
      const std::string id = "doc" + std::to_string(i);
      if (edition == 1 && i % 10 == 9) FOOTNOTE_RETURN_IF_ERROR(writer->Delete(id));
      if (edition == 1 && (i % 10 == 9 || i % 3 != 0)) continue;
      const IndexedDocument document = MakeDocument(embedder, id, TextOf(i, edition));
      const std::string later = Sha256Hex(TextOf(i, 1));
      FOOTNOTE_ASSIGN_OR_RETURN(const auto state, writer->Lookup(id));
      // Done already, by this run or by one that was killed.
      if (state && (state->version == document.document.version || state->version == later)) {
        continue;
      }
      if (!state && edition == 0 && i % 10 == 9 && writer->CurrentGeneration().value() > 5)
        continue;
      FOOTNOTE_RETURN_IF_ERROR(writer->Put(document, "f"));
      if (i % 7 == 6) FOOTNOTE_RETURN_IF_ERROR(writer->Publish().status());
    }
    FOOTNOTE_RETURN_IF_ERROR(writer->Publish().status());
  }
  return OkStatus();
}

// Starts this program again to run one test of the suite Child in `folder`.
pid_t StartChild(const std::string& test, const fs::path& folder) {
  const std::string filter = "--gtest_filter=" + test;
  const std::string value = folder.string();
  setenv(kChildFolder, value.c_str(), 1);
  const pid_t pid = fork();
  if (pid == 0) {
    const int null = open("/dev/null", O_WRONLY);
    dup2(null, 1);
    execl("/proc/self/exe", "child", filter.c_str(), nullptr);
    _exit(127);
  }
  return pid;
}

bool EndedWell(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(Child, BuildsACorpus) {
  const char* folder = std::getenv(kChildFolder);
  if (folder == nullptr) GTEST_SKIP() << "a process that other tests here start";
  ASSERT_OK(BuildCorpus(folder));
}

// Everything that a reader can learn of a corpus.
std::vector<std::string> Contents(const fs::path& root) {
  std::vector<std::string> lines;
  const FakeEmbedder embedder;
  auto corpus = Corpus::Open(root, "docs");
  EXPECT_OK(corpus);
  if (!corpus.ok()) return lines;
  const std::vector<std::string> ids = (*corpus)->DocumentIds().value();
  for (const std::string& id : ids) {
    const Document document = (*corpus)->GetDocumentAsOwner(id).value();
    lines.push_back(id + "|" + document.version + "|" + document.title + "|" + document.text);
  }
  auto backend = MakeLocalRetriever(*corpus, &embedder);
  EXPECT_OK(backend);
  for (FusionKind fusion : {FusionKind::kCalibratedSum, FusionKind::kReciprocalRank}) {
    for (const std::string query : {"word3 term4", "edition 1 clause", "part2 shall"}) {
      RetrievalRequest request;
      request.query = query;
      request.fusion = fusion;
      request.top_k = 60;
      request.exact = true;
      auto result = (*backend)->Retrieve(request, CallContext());
      EXPECT_OK(result);
      for (const Passage& passage : result->passages) {
        char scores[100];
        std::snprintf(scores, sizeof(scores), "|%.5f|%.5f|%.5f|", passage.score,
                      passage.dense_score, passage.lexical_score);
        lines.push_back(query + "|" + passage.chunk_id + scores + passage.text);
      }
    }
  }
  EXPECT_THAT((*corpus)->Verify(nullptr).value(), IsEmpty());
  return lines;
}

// As EXPECT_EQ, but shows where they differ instead of all of both.
void ExpectSameLines(const std::vector<std::string>& got, const std::vector<std::string>& want) {
  EXPECT_EQ(got.size(), want.size());
  int shown = 0;
  for (size_t i = 0; i < std::min(got.size(), want.size()) && shown < 5; ++i) {
    EXPECT_EQ(got[i], want[i]) << "line " << i;
    shown += got[i] == want[i] ? 0 : 1;
  }
}

TEST(Durability, AWriterKilledAtAnyMomentLosesNothingAndTheNextGoesOn) {
  TempDir killed;
  TempDir whole;
  ASSERT_OK(BuildCorpus(whole.path()));
  std::mt19937 random(std::random_device{}());
  bool done = false;
  uint64_t generation = 0;
  int kills = 0;
  for (int round = 0; round < 60 && !done; ++round) {
    const pid_t child = StartChild("Child.BuildsACorpus", killed.path());
    ASSERT_GT(child, 0);
    if (round < 45) {
      // Long enough to get somewhere: opening the tables alone takes tens of milliseconds.
      std::this_thread::sleep_for(std::chrono::milliseconds(20 + random() % 400));
      kill(child, SIGKILL);
      ++kills;
    }
    done = EndedWell(child);
    auto corpus = Corpus::Open(killed.path(), "docs");
    if (!corpus.ok()) {
      // Only before the first generation.
      EXPECT_EQ(generation, 0u) << corpus.status().ToString();
      continue;
    }
    EXPECT_GE((*corpus)->Info().generation, generation);
    generation = (*corpus)->Info().generation;
    const std::vector<std::string> ids = (*corpus)->DocumentIds().value();
    for (const std::string& id : ids) {
      EXPECT_OK((*corpus)->GetDocumentAsOwner(id));
    }
    EXPECT_THAT((*corpus)->Verify(nullptr).value(), IsEmpty()) << "after kill " << kills;
  }
  ASSERT_TRUE(done);
  EXPECT_GT(kills, 0);
  ExpectSameLines(Contents(killed.path()), Contents(whole.path()));
}

TEST(Child, PublishesManyGenerations) {
  const char* folder = std::getenv(kChildFolder);
  if (folder == nullptr) GTEST_SKIP() << "a process that other tests here start";
  const FakeEmbedder embedder;
  ASSERT_OK_AND_ASSIGN(auto writer, CorpusWriter::Open(folder, "docs", SettingsFor(embedder)));
  for (int i = 0; i < 30; ++i) {
    for (int j = 0; j < 20; ++j) {
      ASSERT_OK(writer->Put(
          MakeDocument(embedder, "doc" + std::to_string((i * 13 + j) % 100), TextOf(j, i)), "f"));
    }
    ASSERT_OK_AND_ASSIGN(const uint64_t generation, writer->Publish());
    ASSERT_OK(WriteFileAtomically(fs::path(folder) / "published", std::to_string(generation)));
  }
}

TEST(Durability, AReaderBesideAWriterSeesEachGenerationAndNeverFails) {
  TempDir folder;
  const FakeEmbedder embedder;
  {
    ASSERT_OK_AND_ASSIGN(auto writer,
                         CorpusWriter::Open(folder.path(), "docs", SettingsFor(embedder)));
    ASSERT_OK(writer->Put(MakeDocument(embedder, "doc0", TextOf(0, 0)), "f"));
    ASSERT_OK(writer->Publish());
  }
  ASSERT_OK_AND_ASSIGN(auto corpus, Corpus::Open(folder.path(), "docs"));
  ASSERT_OK_AND_ASSIGN(auto backend, MakeLocalRetriever(corpus, &embedder));
  const pid_t child = StartChild("Child.PublishesManyGenerations", folder.path());
  std::atomic<bool> stop = false;
  std::thread second([&] {
    while (!stop) {
      auto passages = Ask(*backend, "shall apply", 20);
      ASSERT_OK(passages);
      ASSERT_FALSE(passages->empty());
    }
  });
  uint64_t last = 0;
  int status = 0;
  // Now and then the corpus is opened anew. By rounds, not by generations: a busy machine may show
  // this thread few of them.
  int rounds = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    auto published = ReadFile(folder / "published");
    const uint64_t known = published.ok() ? std::stoull(*published) : 1;
    RetrievalRequest request;
    request.query = "word5 term2";
    auto result = backend->Retrieve(request, CallContext());
    ASSERT_OK(result);
    EXPECT_GE(result->generation + 1, known);  // one may still be loading in the other thread
    EXPECT_GE(result->generation, last);
    last = result->generation;
    EXPECT_OK(corpus->GetDocument("doc5", {}).status().code() == StatusCode::kNotFound
                  ? OkStatus()
                  : corpus->GetDocument("doc5", {}).status());
    // From the first moment on: a writer that opens the tables moves what its log held.
    if (rounds++ % 5 == 0) {
      EXPECT_OK(Corpus::Open(folder.path(), "docs"));
    }
  }
  stop = true;
  second.join();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(corpus->Info().generation, 31u);
  EXPECT_THAT(corpus->Verify(nullptr).value(), IsEmpty());
}

TEST(Durability, ACorpusThatIsJustBeingMadeHasNoGenerationYet) {
  TempDir folder;
  const FakeEmbedder embedder;
  ASSERT_OK(CorpusWriter::Open(folder.path(), "docs", SettingsFor(embedder)));
  EXPECT_STATUS(Corpus::Open(folder.path(), "docs"), kFailedPrecondition, "no generation yet");
  // Its tables are there before its settings are.
  ASSERT_OK(ChunkStore::OpenForWriting(folder / "newer"));
  EXPECT_STATUS(Corpus::Open(folder.path(), "newer"), kFailedPrecondition, "no generation yet");
}

TEST(Durability, ErasureLeavesNoByteOfTheDocumentInAnyFile) {
  TempDir folder;
  const FakeEmbedder embedder;
  // Random letters: compression cannot hide them.
  const std::string id = "qzxjvkwpyfgh";
  const std::string word = "xkqjzwvbpmyt";
  const std::string staged_word = "mwzqkxvjtrpb";
  const std::string principal = "user:jqxzvkwbyp";
  {
    ASSERT_OK_AND_ASSIGN(auto writer,
                         CorpusWriter::Open(folder.path(), "docs", SettingsFor(embedder)));
    for (int i = 0; i < 30; ++i) {
      ASSERT_OK(writer->Put(MakeDocument(embedder, "doc" + std::to_string(i), TextOf(i, 0)), "f"));
    }
    ASSERT_OK(writer->Put(MakeDocument(embedder, id, "first " + word), "f"));
    ASSERT_OK(writer->Publish());
    ASSERT_OK(writer->Put(
        MakeDocument(embedder, id, "then " + word, {}, {{principal, "everyone"}, {}}), "f"));
    ASSERT_OK(writer->Delete("doc3"));
    ASSERT_OK(writer->Publish());
    ASSERT_OK(writer->SetAccess(id, {{"everyone"}, {}}));
    ASSERT_OK(writer->Put(MakeDocument(embedder, "doc7", "changed"), "f"));
    ASSERT_OK(writer->Publish());
    ASSERT_OK(writer->Put(MakeDocument(embedder, id, "staged " + staged_word), "f"));
  }
  EXPECT_THAT(FilesWith(folder.path(), staged_word), ::testing::Not(IsEmpty()));
  ASSERT_OK_AND_ASSIGN(auto corpus, Corpus::Open(folder.path(), "docs"));
  ASSERT_OK_AND_ASSIGN(auto backend, MakeLocalRetriever(corpus, &embedder));
  ASSERT_OK_AND_ASSIGN(auto before, Ask(*backend, word, 1));
  EXPECT_EQ(before[0].document_id, id);

  ASSERT_OK(EraseDocument(folder.path(), "docs", id));
  for (const std::string& secret : {id, word, staged_word, principal}) {
    EXPECT_THAT(FilesWith(folder.path(), secret), IsEmpty()) << secret;
  }
  // The open reader, and each generation, go on without it.
  for (int back = 0; back < 3; ++back) {
    ASSERT_OK_AND_ASSIGN(auto after, Ask(*backend, word, 100));
    EXPECT_GE(after.size(), 29u);
    for (const Passage& passage : after) EXPECT_NE(passage.document_id, id);
    EXPECT_STATUS(corpus->GetDocumentAsOwner(id), kNotFound, id);
    EXPECT_THAT(corpus->Verify(nullptr).value(), IsEmpty());
    EXPECT_EQ(corpus->Info().generation, 3u - static_cast<uint64_t>(back));
    if (back < 2) {
      ASSERT_OK(RollbackCorpus(folder.path(), "docs", 0));
    }
  }
  EXPECT_STATUS(EraseDocument(folder.path(), "docs", id), kNotFound, "never held");
}

void FlipByte(const fs::path& path, double place) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto at = static_cast<std::streamoff>(place * static_cast<double>(fs::file_size(path)));
  file.seekg(at);
  const char byte = static_cast<char>(file.get());
  file.seekp(at);
  file.put(static_cast<char>(byte ^ 0x55));
}

TEST(Durability, ADamagedOrMissingFaissFileIsRebuiltAndTold) {
  TempDir folder;
  ASSERT_OK(BuildCorpus(folder.path()));
  const std::vector<std::string> before = Contents(folder.path());
  for (const bool remove : {false, true}) {
    std::string old_bytes;
    fs::path damaged;
    for (const auto& entry : fs::directory_iterator(folder / "docs/vectors")) {
      // The newest segment: the current generation needs it.
      if (damaged.empty() || std::stoi(entry.path().stem()) > std::stoi(damaged.stem())) {
        damaged = entry.path();
      }
    }
    old_bytes = ReadFile(damaged).value();
    if (remove) {
      fs::remove(damaged);
    } else {
      FlipByte(damaged, 0.6);
    }
    {
      ASSERT_OK_AND_ASSIGN(auto corpus, Corpus::Open(folder.path(), "docs"));
      EXPECT_THAT(corpus->Info().vector_index_reason, ::testing::HasSubstr("rebuilt"));
      ASSERT_OK_AND_ASSIGN(const auto findings, corpus->Verify(nullptr));
      ASSERT_EQ(findings.size(), 1u);
      EXPECT_THAT(findings[0], ::testing::HasSubstr("rebuilt from the stored vectors"));
    }
    EXPECT_TRUE(ReadFile(damaged).value() == old_bytes);
    EXPECT_EQ(Contents(folder.path()), before);
  }
}

TEST(Durability, DamagedTablesAreDataLossNamingTheFile) {
  TempDir folder;
  ASSERT_OK(BuildCorpus(folder.path()));
  {
    // Opening writes what was only in the log into tables.
    const FakeEmbedder embedder;
    ASSERT_OK(CorpusWriter::Open(folder.path(), "docs", SettingsFor(embedder)));
  }
  std::vector<fs::path> tables;
  for (const auto& entry : fs::directory_iterator(folder / "docs/db")) {
    if (entry.path().extension() == ".sst") tables.push_back(entry.path());
  }
  ASSERT_FALSE(tables.empty());
  TempDir copy;
  fs::copy(folder.path(), copy.path(), fs::copy_options::recursive);
  for (const fs::path& table : tables) {
    for (double place : {0.02, 0.1, 0.2, 0.3, 0.4}) FlipByte(table, place);
  }
  auto corpus = Corpus::Open(folder.path(), "docs");
  Status status = corpus.status();
  if (corpus.ok()) {
    auto findings = (*corpus)->Verify(nullptr);
    ASSERT_OK(findings);
    ASSERT_FALSE(findings->empty());
    EXPECT_THAT(findings->front(), ::testing::HasSubstr(".sst"));
  } else {
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << status.ToString();
    EXPECT_THAT(status.message(), ::testing::HasSubstr("docs"));
  }
  for (const fs::path& table : tables) fs::remove(copy / fs::relative(table, folder.path()));
  EXPECT_STATUS(Corpus::Open(copy.path(), "docs"), kDataLoss, "restore");
  const FakeEmbedder embedder;
  EXPECT_STATUS(CorpusWriter::Open(copy.path(), "docs", SettingsFor(embedder)), kDataLoss,
                "restore");
}

TEST(Durability, AFullDiskIsToldAndTheLastGenerationStays) {
  TempDir folder;
  const fs::path small = folder / "small";
  fs::create_directory(small);
  if (mount("footnote_test", small.c_str(), "tmpfs", 0, "size=6m") != 0) {
    GTEST_SKIP() << "mounting a small file system needs root: " << std::strerror(errno);
  }
  const FakeEmbedder embedder;
  Status full;
  {
    ASSERT_OK_AND_ASSIGN(auto writer, CorpusWriter::Open(small, "docs", SettingsFor(embedder)));
    ASSERT_OK(writer->Put(MakeDocument(embedder, "kept", "a document that is kept"), "f"));
    ASSERT_OK(writer->Publish());
    std::mt19937 random(5);
    for (int i = 0; i < 400 && full.ok(); ++i) {
      std::string text;
      for (int j = 0; j < 5000; ++j) text += static_cast<char>('a' + random() % 26);
      full =
          writer->Put(MakeDocument(embedder, "big" + std::to_string(i), text + "\n\n" + text), "f");
      if (full.ok() && i % 50 == 49) full = writer->Publish().status();
    }
  }
  EXPECT_EQ(full.code(), StatusCode::kResourceExhausted) << full.ToString();
  EXPECT_THAT(full.message(), ::testing::HasSubstr("pace"));
  {
    auto corpus = Corpus::Open(small, "docs");
    EXPECT_OK(corpus);
    if (corpus.ok()) {
      EXPECT_OK((*corpus)->GetDocument("kept", {}));
    }
  }
  umount(small.c_str());
}

}  // namespace
}  // namespace footnote::retriever
