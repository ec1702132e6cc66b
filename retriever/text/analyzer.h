// Text to index terms: ICU word boundaries, NFKC case folding, Snowball stems.
//
// Words of letters are stemmed. Identifiers ("7.3.2", "O_CLOEXEC", "HbA1c", "fork(2)", "covid-19")
// stay whole, and their parts are terms too: "7.3" of "7.3.2", "cloexec" of "O_CLOEXEC", "fork" of
// "fork(2)", so that a query for either is answered. Queries and documents go the same way.
// Threads: one Analyzer may be used by several.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace footnote::retriever {

// Raise when Terms gives something else for any text: corpora then ask to be indexed again.
inline constexpr int kAnalyzerVersion = 1;

class Analyzer {
 public:
  // language: a Snowball algorithm ("english", "german"), or "" for no stemming. Errors:
  // INVALID_ARGUMENT.
  static StatusOr<std::unique_ptr<Analyzer>> Make(const std::string& language);
  ~Analyzer();

  // Terms in order, repeated as they occur; each 1…255 bytes of UTF-8 without NUL.
  std::vector<std::string> Terms(std::string_view text) const;

 private:
  struct Tools;
  explicit Analyzer(std::string language);
  std::unique_ptr<Tools> TakeTools() const;

  std::string language_;
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace footnote::retriever
