// All that a corpus holds, as lines to compare; and what may not be left in its files.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "common/file.h"
#include "common/sha256.h"
#include "retriever/storage/chunk_store.h"
#include "retriever/storage/codec.h"
#include "retriever/storage/manifest.h"
#include "tests/retriever/corpus_builder.h"

namespace footnote::retriever::testing {

struct CorpusDump {
  // Each row of every table that a generation or the staging area refers to, values by their hash.
  // Without times, and without the counters that tell readers of changes (revision, access_epoch,
  // access_log): a call that is made again counts again.
  std::vector<std::string> lines;
  std::set<uint32_t> segments;  // that generations use
  uint64_t generation = 0;      // the current one; 0: none
  bool purge_pending = false;   // an erasure is not over; not among the lines

  bool operator==(const CorpusDump& other) const { return lines == other.lines; }
};

// The first lines in which two dumps differ.
inline std::string Difference(const CorpusDump& got, const CorpusDump& want) {
  const std::set<std::string> left(got.lines.begin(), got.lines.end());
  const std::set<std::string> right(want.lines.begin(), want.lines.end());
  std::string text;
  int shown = 0;
  for (const std::string& line : left) {
    if (!right.contains(line) && shown++ < 6) text += "\n    too much: " + line;
  }
  shown = 0;
  for (const std::string& line : right) {
    if (!left.contains(line) && shown++ < 6) text += "\n    missing:  " + line;
  }
  return text.empty() ? " none" : text;
}

inline std::string ForPeople(std::string_view key) {
  std::string text;
  for (const char c : key) {
    char piece[8];
    std::snprintf(piece, sizeof(piece), c > ' ' && c < 127 ? "%c" : "\\%02x",
                  static_cast<unsigned char>(c));
    text += piece;
  }
  return text;
}

// Reads the tables as a reader does; nothing is repaired. `corpus`: its folder.
inline StatusOr<CorpusDump> DumpCorpus(const std::filesystem::path& corpus) {
  // Opening would wait for it to come back.
  if (!std::filesystem::exists(corpus / "db/CURRENT")) {
    return NotFoundError("there are no tables in " + corpus.string());
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const auto store, ChunkStore::OpenForReading(corpus));
  CorpusDump dump;
  FOOTNOTE_ASSIGN_OR_RETURN(dump.generation, ReadCurrent(*store));
  FOOTNOTE_ASSIGN_OR_RETURN(dump.purge_pending, ReadPurgePending(*store));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto generations, ReadGenerations(*store));
  const std::set<uint32_t> used = dump.segments = SegmentsOf(generations);
  for (records::GenerationRecord generation : generations) {
    generation.clear_created_unix_s();
    for (records::SegmentUse& use : *generation.mutable_segments()) {
      // Several threads build a graph, another one each time.
      if (FromRecord(use.segment().kind()) != VectorIndexKind::kHnsw) continue;
      use.mutable_segment()->clear_faiss_sha256();
    }
    dump.lines.push_back(generation.ShortDebugString());
  }
  for (int table = 0; table < kTables; ++table) {
    ChunkStore::Cursor cursor = store->Scan(static_cast<Table>(table));
    for (cursor.Seek(""); cursor.Valid(); cursor.Next()) {
      const std::string key(cursor.key());
      std::string value(cursor.value());
      if (static_cast<Table>(table) == Table::kState) {
        if (key == "revision" || key == "access_epoch" || key == "purge_pending" ||
            key.starts_with("access_log/") || key.starts_with("generation/")) {
          continue;
        }
        if (key == "corpus") {
          FOOTNOTE_ASSIGN_OR_RETURN(auto record,
                                    ParseRecord<records::CorpusRecord>(value, "settings"));
          record.clear_created_unix_s();
          value = record.SerializeAsString();
        }
      } else if (static_cast<Table>(table) != Table::kStaged &&
                 !used.contains(ReadBigEndian32(key))) {
        continue;  // garbage of a writer that ended early
      }
      dump.lines.push_back("table " + std::to_string(table) + " " + ForPeople(key) + " " +
                           Sha256Hex(value).substr(0, 16));
    }
    FOOTNOTE_RETURN_IF_ERROR(cursor.status());
  }
  return dump;
}

// What exact searches answer, scores included.
inline StatusOr<std::vector<std::string>> SearchLines(const std::filesystem::path& root,
                                                      const std::string& name,
                                                      const std::vector<std::string>& queries) {
  const FakeEmbedder embedder;
  FOOTNOTE_ASSIGN_OR_RETURN(auto corpus, Corpus::Open(root, name));
  FOOTNOTE_ASSIGN_OR_RETURN(auto backend, MakeLocalRetriever(corpus, &embedder));
  std::vector<std::string> lines;
  for (const std::string& query : queries) {
    RetrievalRequest request;
    request.query = query;
    request.top_k = 60;
    request.exact = true;
    FOOTNOTE_ASSIGN_OR_RETURN(const auto result, backend->Retrieve(request, CallContext()));
    for (const Passage& passage : result.passages) {
      char scores[100];
      std::snprintf(scores, sizeof(scores), "|%.9g|%.9g|%.9g|", passage.score, passage.dense_score,
                    passage.lexical_score);
      lines.push_back(query + "|" + passage.chunk_id + scores + passage.text);
    }
  }
  return lines;
}

// Files below `folder` that hold `secret`, in their bytes or their names.
inline std::vector<std::string> FilesWith(const std::filesystem::path& folder,
                                          const std::string& secret) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    if (entry.path().string().find(secret) != std::string::npos) {
      files.push_back(entry.path().string());
    }
    if (entry.file_size() == 0) continue;
    auto bytes = ReadFile(entry.path());
    EXPECT_OK(bytes);
    if (bytes->find(secret) != std::string::npos) files.push_back(entry.path().string());
  }
  return files;
}

}  // namespace footnote::retriever::testing
