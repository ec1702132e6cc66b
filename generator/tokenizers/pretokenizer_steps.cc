#include "generator/tokenizers/pretokenizer_steps.h"

#include <utility>

#include "generator/tokenizers/replace.h"

namespace footnote::generator {
namespace {

// A maximal run of characters in one of the classes, or one character.
Pattern OfClass(uint16_t classes, bool runs) {
  return [classes, runs](const Characters& characters, size_t i) -> MatchAt {
    if (!characters.Is(i, classes)) return {0, i + 1};
    return {runs ? characters.RunOf(i, classes) : i + 1};
  };
}

// The stretches as words: matches join others or go, as `behavior` says.
std::vector<Stretch> Arranged(std::vector<Stretch> stretches, SplitBehavior behavior) {
  std::vector<Stretch> words;
  bool join_next = false;
  for (const Stretch& stretch : stretches) {
    const bool after_match = !words.empty() && words.back().matched;
    switch (behavior) {
      case SplitBehavior::kIsolated:
        words.push_back(stretch);
        break;
      case SplitBehavior::kRemoved:
        if (!stretch.matched) words.push_back(stretch);
        break;
      case SplitBehavior::kContiguous:
        if (!words.empty() && after_match == stretch.matched) {
          words.back().end = stretch.end;
        } else {
          words.push_back(stretch);
        }
        break;
      case SplitBehavior::kMergedWithPrevious:
        // A second match in a row stands alone.
        if (stretch.matched && !words.empty() && !after_match) {
          words.back().end = stretch.end;
          words.back().matched = true;
        } else {
          words.push_back(stretch);
        }
        break;
      case SplitBehavior::kMergedWithNext:
        if (join_next && !stretch.matched) {
          words.back().end = stretch.end;
        } else {
          words.push_back(stretch);
        }
        join_next = stretch.matched;
        break;
    }
  }
  return words;
}

void Split(WordList& list, const Pattern& pattern, SplitBehavior behavior, bool invert) {
  std::vector<Word> words;
  words.reserve(list.words.size());
  Characters characters;
  for (const Word& word : list.words) {
    characters.Read(word.text);
    std::vector<Stretch> stretches = FindMatches(pattern, characters);
    if (invert) {
      for (Stretch& stretch : stretches) stretch.matched = !stretch.matched;
    }
    for (const Stretch& stretch : Arranged(std::move(stretches), behavior)) {
      words.push_back(
          {characters.text(stretch.begin, stretch.end), word.first && stretch.begin == 0});
    }
  }
  list.words = std::move(words);
}

// Writes a word anew.
void Rewrite(WordList& list, Word& word, std::string text) {
  word.text = list.written.emplace_back(std::move(text));
}

std::string_view NameOf(SplitBehavior behavior) {
  switch (behavior) {
    case SplitBehavior::kIsolated:
      return "Isolated";
    case SplitBehavior::kContiguous:
      return "Contiguous";
    case SplitBehavior::kRemoved:
      return "Removed";
    case SplitBehavior::kMergedWithPrevious:
      return "MergedWithPrevious";
    case SplitBehavior::kMergedWithNext:
      return "MergedWithNext";
  }
  return "";
}

}  // namespace

Step SplitStep(std::string description, Pattern pattern, SplitBehavior behavior, bool invert) {
  // Of an expression that matches everything, "removed" of the rest is the same.
  const bool isolated = behavior == SplitBehavior::kIsolated && !invert;
  std::string text = "Split(" + std::move(description) + ")";
  if (!isolated) text += std::string(invert ? " not" : "") + " " + std::string(NameOf(behavior));
  return {std::move(text), [pattern = std::move(pattern), behavior, invert](WordList& list) {
            Split(list, pattern, behavior, invert);
          }};
}

Step ByteLevelStep(bool words, bool prefix_space) {
  std::string description = words ? "ByteLevel" : "Bytes";
  if (prefix_space) description += "(add_prefix_space)";
  const Pattern pattern = words ? PatternOf(kGpt2Pattern).value() : Pattern();
  return {std::move(description),
          [pattern, prefix_space](WordList& list) {
            for (Word& word : list.words) {
              if (!prefix_space || word.text.starts_with(' ')) continue;
              Rewrite(list, word, " " + std::string(word.text));
            }
            if (pattern) Split(list, pattern, SplitBehavior::kIsolated, /*invert=*/false);
          },
          /*to_bytes=*/true};
}

Step DigitsStep(bool apart) {
  return {apart ? "Digits" : "Digits(together)", [apart](WordList& list) {
            Split(list, OfClass(kDigitClass, !apart), SplitBehavior::kIsolated, false);
          }};
}

Step PunctuationStep(SplitBehavior behavior) {
  return {"Punctuation(" + std::string(NameOf(behavior)) + ")", [behavior](WordList& list) {
            Split(list, OfClass(kPunctuationClass, /*runs=*/false), behavior, false);
          }};
}

Step WhitespaceStep() {
  return {"Whitespace", [](WordList& list) {
            const Pattern words = [](const Characters& characters, size_t i) -> MatchAt {
              if (characters.Is(i, kWordClass)) return {characters.RunOf(i, kWordClass)};
              const size_t end = characters.RunOfOther(i, kWordClass | kSpaceClass);
              return end > i ? MatchAt{end} : MatchAt{0, i + 1};
            };
            Split(list, words, SplitBehavior::kRemoved, /*invert=*/true);
          }};
}

Step WhitespaceSplitStep() {
  return {"WhitespaceSplit", [](WordList& list) {
            Split(list, OfClass(kSpaceClass, /*runs=*/true), SplitBehavior::kRemoved, false);
          }};
}

Step BertStep() {
  return {"BertPreTokenizer", [](WordList& list) {
            Split(list, OfClass(kSpaceClass, /*runs=*/true), SplitBehavior::kRemoved, false);
            Split(list, OfClass(kPunctuationClass, /*runs=*/false), SplitBehavior::kIsolated,
                  false);
          }};
}

Step MetaspaceStep(std::string mark, PrependScheme scheme, bool split) {
  std::string description = "Metaspace";
  if (scheme == PrependScheme::kFirst) description += "(first)";
  if (scheme == PrependScheme::kNever) description += "(never)";
  if (!split) description += "(whole)";
  const char32_t code = FromUtf8(mark).front();
  return {std::move(description), [mark = std::move(mark), code, scheme, split](WordList& list) {
            for (Word& word : list.words) {
              std::string text = Replaced(word.text, " ", mark);
              const bool prepend = scheme == PrependScheme::kAlways ||
                                   (scheme == PrependScheme::kFirst && word.first);
              if (prepend && !text.starts_with(mark)) text.insert(0, mark);
              Rewrite(list, word, std::move(text));
            }
            if (!split) return;
            const Pattern marks = [code](const Characters& characters, size_t i) -> MatchAt {
              return characters.code(i) == code ? MatchAt{i + 1} : MatchAt{0, i + 1};
            };
            Split(list, marks, SplitBehavior::kMergedWithNext, false);
          }};
}

}  // namespace footnote::generator
