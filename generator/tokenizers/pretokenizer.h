// Pre-tokenizers of byte-level BPE: text to the words within which bytes are merged.
//
// Written by hand instead of with a regular-expression engine: no backtracking on untrusted text,
// and ten times the speed. Each splitter gives exactly what the published pattern gives.
// Adding one: a splitter, and a line in pretokenizers.def.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace footnote::generator {

// Appends the end (bytes) of every piece of `text`, in order; the last is text.size(). `text` is
// valid UTF-8.
using Splitter = void (*)(std::string_view text, std::vector<size_t>& ends);

struct PreTokenizer {
  std::string name;
  Splitter split = nullptr;
  bool nfc = false;  // published tokenizers with this name put text into NFC first
};

// By GGUF's name. Errors: UNIMPLEMENTED lists the names that are supported.
StatusOr<PreTokenizer> PreTokenizerByName(std::string_view name);

// By what tokenizer.json says: its steps joined by " | ", as in pretokenizers.def. Errors: as
// above.
StatusOr<PreTokenizer> PreTokenizerBySteps(std::string_view steps);

}  // namespace footnote::generator
