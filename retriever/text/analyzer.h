// Text to index terms: ICU word boundaries, NFKC case folding, Snowball stems.
//
// Words of letters are stemmed. Identifiers ("7.3.2", "O_CLOEXEC", "HbA1c", "6(1)(f)",
// "libfoo.so.6",
// "--no-preserve-root", "10.1000/xyz") stay whole, and their parts are terms too: "7.3" of "7.3.2",
// "cloexec" of "O_CLOEXEC", "fork" of "fork(2)", so that a query for either is answered. Queries
// and documents go the same way. Threads: one Analyzer may be used by several.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace footnote::retriever {

// Raise when Terms gives something else for any text, and keep what the versions before gave: a
// corpus keeps the rules that it was made with.
// 1: of identifiers that Unicode's rules cut into several words, only "fork(2)" and "covid-19" stay
// whole.
inline constexpr int kAnalyzerVersion = 2;

class Analyzer {
 public:
  // language: a Snowball algorithm ("english", "german"), or "" for no stemming. version: up to
  // kAnalyzerVersion. Errors: INVALID_ARGUMENT.
  static StatusOr<std::unique_ptr<Analyzer>> Make(const std::string& language,
                                                  int version = kAnalyzerVersion);
  ~Analyzer();

  // Terms in order, repeated as they occur; each 1…255 bytes of UTF-8 without NUL.
  std::vector<std::string> Terms(std::string_view text) const;

  // Case folded and normalised as terms are, each run of white space as one space.
  std::string Fold(std::string_view text) const;

 private:
  struct Tools;
  Analyzer(std::string language, int version);
  std::unique_ptr<Tools> TakeTools() const;

  std::string language_;
  int version_;
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace footnote::retriever
