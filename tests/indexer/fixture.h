// Files of tests/data/documents.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "tests/testing/temp_dir.h"

namespace footnote::indexer {

inline std::string ReadFixture(const std::string& name) {
  std::ifstream file(testing::DataDir() / "documents" / name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name << " is missing";
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

}  // namespace footnote::indexer
