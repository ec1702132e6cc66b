// TREC run files: `query Q0 document rank score tag`, a ranking's form that all tools read.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "common/status.h"

namespace footnote::server {

struct RankedDocument {
  std::string id;
  double score = 0;
};

using Rankings = std::map<std::string, std::vector<std::string>>;  // query -> documents, best first

// Documents in the order of their scores; of equal scores the one that stands first in the file.
// The rank column is not looked at, as trec_eval does not. Errors: NOT_FOUND, INVALID_ARGUMENT with
// the line.
StatusOr<Rankings> ReadRun(const std::filesystem::path& file);

// Writes a run file from its beginning. Threads: one at a time.
class RunWriter {
 public:
  // Errors: INVALID_ARGUMENT when the file cannot be written.
  static StatusOr<RunWriter> Create(const std::filesystem::path& file);

  void Add(const std::string& query, const std::vector<RankedDocument>& ranking);
  // Errors: RESOURCE_EXHAUSTED when not all could be written.
  Status Close();

 private:
  explicit RunWriter(std::filesystem::path file);

  std::filesystem::path file_;
  std::ofstream out_;
};

}  // namespace footnote::server
