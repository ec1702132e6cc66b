// The steps that pre-tokenizers consist of, see pretokenizer.h.
#pragma once

#include "generator/tokenizers/patterns.h"
#include "generator/tokenizers/pretokenizer.h"

namespace footnote::generator {

// What becomes of a match that splits a text.
enum class SplitBehavior {
  kIsolated,            // a word of its own
  kContiguous,          // one with the matches beside it
  kRemoved,             //
  kMergedWithPrevious,  // the end of the word before
  kMergedWithNext,      // the beginning of the word after
};

// Where Metaspace puts its mark before a word.
enum class PrependScheme { kAlways, kFirst, kNever };

using Step = PreTokenizer::Step;

// Splits at matches. `invert`: at what lies between them.
Step SplitStep(std::string description, Pattern pattern, SplitBehavior behavior, bool invert);

// GPT-2's words, then bytes.
Step ByteLevelStep(bool words, bool prefix_space);

// Characters with the class, each alone or in runs.
Step DigitsStep(bool apart);
Step PunctuationStep(SplitBehavior behavior);

// `\w+|[^\w\s]+`, white space removed; runs between white space.
Step WhitespaceStep();
Step WhitespaceSplitStep();

// White space removed, punctuation apart.
Step BertStep();

// Spaces become `mark`; one is put before the word, and words begin at marks when `split`.
Step MetaspaceStep(std::string mark, PrependScheme scheme, bool split);

}  // namespace footnote::generator
