// What the indexer hands to the store, and what the store gives back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/types.h"
#include "retriever/access.h"
#include "retriever/filter.h"

namespace footnote::retriever {

struct Document {
  std::string id;       // unique in the corpus; stable between runs
  std::string version;  // hex SHA-256 of `text`
  std::string title;
  std::string source;  // where it came from: a path or URI
  std::string text;    // UTF-8, as extracted; every span refers to it
  Metadata metadata;
  AccessList access;
};

// A piece of a document that is embedded and found on its own.
struct Chunk {
  ByteSpan span;
  std::vector<std::string> heading_path;
  std::string clause;
  int page = 0;
  int tokens = 0;             // by the embedder's tokenizer, without special tokens
  std::string embedded_text;  // what was embedded and is searched lexically: title and heading
                              // context, then the chunk. Empty: the chunk's text alone
};

// A chunk's sentences with the means of their tokens' states: finer than the chunk's own vector.
struct ChunkSentences {
  std::vector<ByteSpan> spans;  // bytes of the chunk's text, in order
  std::vector<int8_t> values;  // [spans, width]: directions, each scaled so that its largest is 127
};

struct IndexedDocument {
  Document document;
  std::vector<Chunk> chunks;
  std::vector<float> vectors;             // [chunks, width], rows of length 1
  std::vector<ChunkSentences> sentences;  // one for each chunk, or none at all
};

}  // namespace footnote::retriever
