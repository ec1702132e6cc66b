// Runs the parser that a file of this name and content gets, and keeps what it gives.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "indexer/parsers/parser.h"
#include "tests/testing/temp_dir.h"

namespace footnote::indexer {

struct ParseResult : DocumentSink {
  struct Failure {
    std::string source;
    std::string id;
    Status error;
  };

  Status Add(ParsedDocument document) override {
    documents.push_back(std::move(document));
    return OkStatus();
  }
  void Fail(const std::string& source, const std::string& id, const Status& error) override {
    failures.push_back({source, id, error});
  }

  std::vector<ParsedDocument> documents;
  std::vector<Failure> failures;
  Status status;
};

inline ParseResult ParseText(const std::string& name, const std::string& content) {
  const testing::TempDir folder;
  SourceFile file;
  file.path = folder / std::filesystem::path(name).filename();
  file.relative_path = name;
  file.size = content.size();
  file.head = content.substr(0, 16 << 10);
  std::ofstream(file.path, std::ios::binary) << content;
  ParseResult result;
  const StatusOr<const Parser*> parser = FindParser(file);
  result.status = parser.ok() ? (*parser)->Parse(file, result) : parser.status();
  return result;
}

// The only document of a file that has one.
inline ParsedDocument ParseOne(const std::string& name, const std::string& content) {
  ParseResult result = ParseText(name, content);
  EXPECT_EQ(result.status.ToString(), "OK");
  EXPECT_EQ(result.documents.size(), 1u);
  return result.documents.empty() ? ParsedDocument() : std::move(result.documents[0]);
}

inline std::string TextOf(const ParsedDocument& document, const Block& block) {
  return document.text.substr(block.span.start, block.span.size());
}

// Headings as "level text".
inline std::vector<std::string> Headings(const ParsedDocument& document) {
  std::vector<std::string> headings;
  for (const Block& block : document.blocks) {
    if (block.kind == BlockKind::kHeading) {
      headings.push_back(std::to_string(block.level) + " " + block.heading);
    }
  }
  return headings;
}

// Blocks are in order, apart, inside the text, and hold all that is not white space.
inline void ExpectBlocksCoverText(const std::string& text, const std::vector<Block>& blocks) {
  uint64_t at = 0;
  const auto expect_space = [&](uint64_t end) {
    for (; at < end; ++at) {
      ASSERT_NE(std::string_view(" \t\n\r\f").find(text[at]), std::string_view::npos)
          << "byte " << at << " of: " << text;
    }
  };
  for (const Block& block : blocks) {
    ASSERT_LE(at, block.span.start) << text;
    ASSERT_LT(block.span.start, block.span.end) << text;
    ASSERT_LE(block.span.end, text.size()) << text;
    expect_space(block.span.start);
    at = block.span.end;
  }
  expect_space(text.size());
}

}  // namespace footnote::indexer
