// What a text claims, in pieces that can be compared: content words with their polarity, numbers,
// names, modality.
//
// Surface analysis with closed word lists; no parser. Errors: none. Threads: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/types.h"
#include "generator/grounding/lexicon.h"
#include "generator/grounding/numbers.h"
#include "generator/grounding/words.h"

namespace footnote::generator::grounding {

struct ContentWord {
  std::string stem;   // "#1000" for a number
  bool name = false;  // a proper name, acronym or identifier: it must stand in the source
  bool number = false;
  bool negated = false;     // in the scope of "not", "without", "prohibited" …
  ByteSpan bytes;           // in the text
  size_t number_index = 0;  // of a number: into Claims::numbers
};

// "shall pay": what is obliged or allowed, by its verb.
struct ModalClaim {
  Modality modality = Modality::kNone;
  std::string verb;  // stem of the next content word; empty at the end of a clause
  bool negated = false;
  ByteSpan bytes;  // of the modal word
};

// One word of a text, in the order of the text, for comparison by place (slots.h).
enum class ItemKind { kFunction, kContent, kName, kNumber, kDenial, kModal };
struct Item {
  ItemKind kind = ItemKind::kFunction;
  std::string key;                      // the stem; a number's value
  ByteSpan bytes;                       // in the text
  bool negated = false;                 // of a modal: it is denied itself, "may not", "no one may"
  Modality modality = Modality::kNone;  // of a modal
  size_t number_index = 0;              // of a number: into Claims::numbers
};

struct Claims {
  std::vector<ContentWord> words;  // in order, repeated as often as they occur
  std::vector<Number> numbers;
  std::vector<ModalClaim> modals;
  std::vector<Item> items;        // every word, function words too; a number with its unit is one
  std::vector<ByteSpan> denials;  // the words that deny: "not", "without" …
  std::vector<std::string> all_stems;  // stop words too: where a name may be found
};

Claims Analyse(std::string_view text);

// "The text provides a clear explanation of …": small models like to speak of what they were given
// instead of saying what it says.
bool SpeaksOfTheText(std::string_view sentence);

}  // namespace footnote::generator::grounding
