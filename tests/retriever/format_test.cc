// An index that an earlier release wrote is read by this one, and written on: tests/data/indexes
// holds one for each version of the format. tools/make_index_fixture.sh makes the newest anew.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "common/file.h"
#include "tests/retriever/corpus_builder.h"

namespace footnote::retriever {
namespace {

namespace fs = std::filesystem;
using testing::FakeEmbedder;
using ::testing::IsEmpty;
using testing::MakeDocument;
using testing::SettingsFor;
using testing::TempDir;

constexpr char kWriteTo[] = "FOOTNOTE_WRITE_INDEX_FIXTURE";
constexpr int kWidth = 16;

IndexedDocument DocumentOf(const Embedder& embedder, int i, const std::string& edition) {
  const std::string n = std::to_string(i);
  AccessList access;
  if (i == 3) access = {{"group:legal"}, {"user:bob"}};
  IndexedDocument document = MakeDocument(
      embedder, "folder/doc" + n,
      "§ " + n + " of the " + edition + " edition: übermäßig long clauses\n\nshall term" +
          std::to_string(i % 4) + " apply under the General Public Licence (GPL)",
      {{"year", {2000.0 + i}}, {"kind", {std::string("clause")}}, {"draft", {i % 2 == 0}}}, access);
  if (i % 2 == 0) return document;  // as earlier releases wrote all
  for (const Chunk& chunk : document.chunks) {
    ChunkSentences& sentences = document.sentences.emplace_back();
    sentences.spans = {{0, 6}, {7, chunk.span.size()}};
    for (int j = 0; j < 2 * kWidth; ++j)
      sentences.values.push_back(static_cast<int8_t>(j * 8 - 127));
  }
  return document;
}

// Several segments and generations, dead rows, a list set by hand, a note, a document without
// vectors, and one that is staged only.
void WriteFixture(const fs::path& root) {
  const FakeEmbedder embedder(kWidth);
  ASSERT_OK_AND_ASSIGN(auto writer, CorpusWriter::Open(root, "index", SettingsFor(embedder)));
  for (int i = 0; i < 8; ++i) ASSERT_OK(writer->Put(DocumentOf(embedder, i, "first"), "f"));
  ASSERT_OK(writer->Publish());
  ASSERT_OK(writer->Put(DocumentOf(embedder, 2, "second"), "f"));
  IndexedDocument waiting = DocumentOf(embedder, 8, "first");
  waiting.vectors.clear();
  ASSERT_OK(writer->Put(waiting, "f"));
  ASSERT_OK(writer->Publish());
  writer.reset();  // opening again moves what the log holds to tables
  writer = CorpusWriter::Open(root, "index", SettingsFor(embedder)).value();
  ASSERT_OK(writer->Delete("folder/doc5"));
  ASSERT_OK(writer->Put(DocumentOf(embedder, 9, "first"), "f"));
  ASSERT_OK(writer->Publish());
  ASSERT_OK(writer->SetAccess("folder/doc6", {{}, {"everyone"}}));
  const std::vector<FileNote> notes = {{"/folder/file", "a note"}};
  ASSERT_OK(writer->PutNotes(notes));
  ASSERT_OK(writer->Put(DocumentOf(embedder, 10, "staged"), "f"));
}

// What people and programs get from it.
std::string Describe(const fs::path& root) {
  const FakeEmbedder embedder(kWidth);
  std::string text;
  auto corpus = Corpus::Open(root, "index");
  EXPECT_OK(corpus);
  if (!corpus.ok()) return text;
  EXPECT_THAT((*corpus)->Verify(nullptr).value(), IsEmpty());
  const CorpusInfo info = (*corpus)->Info();
  text += "generation " + std::to_string(info.generation) + ", " + std::to_string(info.documents) +
          " documents, " + std::to_string(info.chunks) + " chunks, " +
          std::to_string(info.unembedded_chunks) + " without vectors, " +
          std::to_string(info.generations.size()) + " generations\n";
  const std::vector<std::string> ids = (*corpus)->DocumentIds().value();
  for (const std::string& id : ids) {
    const Document document = (*corpus)->GetDocumentAsOwner(id).value();
    text += id + "|" + document.version + "|" + document.title + "|" + document.source + "|" +
            document.text + "|allow";
    for (const std::string& principal : document.access.allow) text += " " + principal;
    text += "|deny";
    for (const std::string& principal : document.access.deny) text += " " + principal;
    text += "|fields";
    for (const auto& [name, values] : document.metadata) text += " " + name;
    text += "\n";
  }
  auto backend = MakeLocalRetriever(*corpus, &embedder);
  EXPECT_OK(backend);
  if (!backend.ok()) return text;
  for (const Asker& asker : {Asker(), Asker{{"group:legal"}}}) {
    for (const char* query : {"term2 clauses", "second edition"}) {
      RetrievalRequest request;
      request.query = query;
      request.top_k = 30;
      request.asker = asker;
      request.off = ~0u;  // what is ranked by may change; what is read may not
      auto result = (*backend)->Retrieve(request, CallContext());
      EXPECT_OK(result);
      // How the two are weighed may change, and with it the order.
      std::set<std::string> lines;
      for (const Passage& passage : result->passages) {
        char scores[64];
        std::snprintf(scores, sizeof(scores), " %.3f %.3f", passage.dense_score,
                      passage.lexical_score);
        lines.insert(std::string(query) + "|" + passage.chunk_id + scores + " " + passage.clause +
                     " " + std::to_string(passage.page) + "\n");
      }
      for (const std::string& line : lines) text += line;
    }
  }
  return text;
}

TEST(Format, IndexesOfEachVersionAreReadAndWrittenOn) {
  if (const char* folder = std::getenv(kWriteTo)) {
    ASSERT_FALSE(fs::exists(fs::path(folder) / "index")) << folder << " holds an index already";
    WriteFixture(folder);
    fs::remove(fs::path(folder) / "index/WRITER");  // names a process of here
    fs::remove(fs::path(folder) / "index/db/LOCK");
    std::vector<fs::path> options;  // RocksDB's of that run, with paths of here
    for (const auto& entry : fs::directory_iterator(fs::path(folder) / "index/db")) {
      if (entry.path().filename().string().starts_with("OPTIONS")) options.push_back(entry.path());
    }
    for (const fs::path& path : options) fs::remove(path);
    const std::string described = Describe(folder);
    std::ofstream(fs::path(folder) / "expected.txt", std::ios::binary) << described;
    return;
  }
  int versions = 0;
  for (const auto& version : fs::directory_iterator(footnote::testing::DataDir() / "indexes")) {
    if (!version.is_directory()) continue;
    SCOPED_TRACE(version.path().filename().string());
    ++versions;
    const TempDir folder;
    fs::copy(version.path() / "index", folder / "index", fs::copy_options::recursive);
    auto expected = ReadFile(version.path() / "expected.txt");
    ASSERT_OK(expected);
    EXPECT_EQ(Describe(folder.path()), *expected);

    const FakeEmbedder embedder(kWidth);
    auto writer = CorpusWriter::Open(folder.path(), "index", SettingsFor(embedder));
    ASSERT_OK(writer);
    EXPECT_TRUE((*writer)->Lookup("folder/doc10").value()->staged);
    EXPECT_EQ((*writer)->NoteOf("/folder/file").value(), "a note");
    EXPECT_THAT((*writer)->Unembedded().value(), ::testing::ElementsAre("folder/doc8"));
    ASSERT_OK((*writer)->PutVectors("folder/doc8", DocumentOf(embedder, 8, "first").vectors));
    ASSERT_OK((*writer)->Publish());
    writer->reset();
    auto corpus = Corpus::Open(folder.path(), "index");
    ASSERT_OK(corpus);
    EXPECT_THAT((*corpus)->Verify(nullptr).value(), IsEmpty());
    EXPECT_EQ((*corpus)->DocumentIds()->size(), 10u);
    EXPECT_EQ((*corpus)->Info().unembedded_chunks, 0);
    ASSERT_OK(RollbackCorpus(folder.path(), "index", 0));
    EXPECT_THAT((*corpus)->Verify(nullptr).value(), IsEmpty());
  }
  EXPECT_GT(versions, 0);
}

}  // namespace
}  // namespace footnote::retriever
