// Pre-tokenizers: text to the words within which a model finds its tokens.
//
// A pre-tokenizer is a list of steps, the same as in a tokenizer.json; GGUF names whole lists
// (pretokenizers.def). Each step gives exactly the pieces that Hugging Face `tokenizers` gives.
// Threads: const methods may run concurrently.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/status.h"

namespace footnote::generator {

// A word, as the model gets it.
struct Word {
  std::string_view text;
  bool first = false;  // stands at the beginning of the whole text
};

// Words of a text, in order, and what had to be written anew for them.
struct WordList {
  std::vector<Word> words;
  std::deque<std::string> written;
};

class PreTokenizer {
 public:
  // One step: its description is unique, and what error messages show.
  struct Step {
    std::string description;
    std::function<void(WordList& list)> apply;
    bool to_bytes = false;  // the model works on bytes, as letters of their own
  };

  PreTokenizer() = default;  // every text is one word
  explicit PreTokenizer(std::vector<Step> steps);

  // A tokenizer.json's `pre_tokenizer`. Errors: UNIMPLEMENTED names the step, expression or option
  // that is not supported.
  static StatusOr<PreTokenizer> FromJson(const nlohmann::json& json);

  // Words of `text`, none empty. `text` is valid UTF-8 and outlives the result. `first`: it is the
  // beginning of the whole text.
  WordList Split(std::string_view text, bool first) const;

  // Whether words are bytes to be merged, not characters.
  bool to_bytes() const { return to_bytes_; }
  // Steps joined by " | "; empty when there are none.
  const std::string& description() const { return description_; }

 private:
  std::vector<Step> steps_;
  std::string description_;
  bool to_bytes_ = false;
};

// What GGUF means by the name of a pre-tokenizer.
struct NamedPreTokenizer {
  std::string name;
  PreTokenizer pre_tokenizer;
  bool nfc = false;  // published tokenizers with this name put text into NFC first
};

// Errors: UNIMPLEMENTED lists the names that are supported.
StatusOr<NamedPreTokenizer> PreTokenizerByName(std::string_view name);

// The first name in pretokenizers.def with these steps; the description when there is none.
std::string NameOf(const PreTokenizer& pre_tokenizer);

}  // namespace footnote::generator
