// What LocalWriter's next generation will be made of.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "retriever/storage/local_writer.h"

namespace footnote::retriever {

struct LocalWriter::Plan {
  struct Source {
    std::string id;
    bool staged = false;
    bool embedded = true;
    uint32_t segment = 0;  // when not staged
    uint32_t ordinal = 0;
  };
  struct Kept {
    records::SegmentUse use;
    uint64_t live_rows = 0;
    uint64_t live_documents = 0;
    bool merge = false;
  };
  std::vector<Kept> segments;
  std::vector<Source> sources;  // of the new segments: one with vectors, one without
  std::set<std::string> deleted;
  std::vector<std::pair<std::string, records::AccessRecord>> access;
  uint64_t staged = 0;
};

}  // namespace footnote::retriever
