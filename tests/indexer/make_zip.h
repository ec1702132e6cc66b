// Zip packages of parts made by a test: stored, not compressed. And files of tests/data/documents.
#pragma once

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/testing/temp_dir.h"

namespace footnote::indexer {

inline unsigned ZipCrc32(std::string_view bytes) {
  unsigned crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

inline std::string MakeZip(const std::vector<std::pair<std::string, std::string>>& parts) {
  std::string zip;
  std::string folder;
  const auto number = [](std::string& out, size_t value, int bytes) {
    for (int i = 0; i < bytes; ++i, value >>= 8) out += static_cast<char>(value & 0xFF);
  };
  for (const auto& [name, content] : parts) {
    const size_t offset = zip.size();
    std::string entry;     // what the local and the central header share
    number(entry, 20, 2);  // version needed
    number(entry, 0, 8);   // flags, method, time, date
    number(entry, ZipCrc32(content), 4);
    number(entry, content.size(), 4);
    number(entry, content.size(), 4);
    number(entry, name.size(), 2);
    number(entry, 0, 2);  // extra field
    zip += "PK\x03\x04" + entry + name + content;
    folder += "PK\x01\x02";
    number(folder, 20, 2);  // version made by
    folder += entry;
    number(folder, 0, 10);  // comment, disk, attributes
    number(folder, offset, 4);
    folder += name;
  }
  const size_t folder_offset = zip.size();
  zip += folder + "PK\x05\x06";
  number(zip, 0, 4);
  number(zip, parts.size(), 2);
  number(zip, parts.size(), 2);
  number(zip, folder.size(), 4);
  number(zip, folder_offset, 4);
  number(zip, 0, 2);
  return zip;
}

inline std::string DocumentFixture(const std::string& name) {
  std::ifstream file(testing::DataDir() / "documents" / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace footnote::indexer
