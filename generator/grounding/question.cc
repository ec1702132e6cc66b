#include "generator/grounding/question.h"

#include <algorithm>
#include <array>

namespace footnote::generator::grounding {
namespace {

bool Contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::vector<std::string> LowerWords(std::string_view text) {
  std::vector<std::string> words;
  for (const Token& token : Tokenise(text)) {
    if (token.kind != TokenKind::kSymbol) words.push_back(token.lower);
  }
  return words;
}

// The kind of answer that the question's first words ask for. Only short "What is …" questions ask
// for a definition: "What is the capital of France?" asks for a property of something.
Wanted WantedBy(const std::vector<std::string>& words, bool has_of) {
  if (words.empty()) return Wanted::kAnything;
  auto at = [&](size_t i) { return i < words.size() ? std::string_view(words[i]) : ""; };
  if (at(0) == "define") return Wanted::kDefinition;
  constexpr size_t kLongestDefinition = 8;
  const bool copula = at(1) == "is" || at(1) == "are" || at(1) == "was";
  if ((at(0) == "what" && copula) || at(0) == "what's") {
    if (Contains(words, "meant") || (words.size() <= kLongestDefinition && !has_of)) {
      return Wanted::kDefinition;
    }
  }
  if (at(0) == "what" && (at(1) == "does" || at(1) == "do") &&
      (words.back() == "mean" || words.back() == "stand")) {
    return Wanted::kDefinition;
  }
  if (at(0) == "when" || (at(0) == "what" && (at(1) == "date" || at(1) == "year"))) {
    return Wanted::kDate;
  }
  if (at(0) == "who" || at(0) == "whom" || at(0) == "whose") return Wanted::kPerson;
  if (at(0) == "how") {
    for (std::string_view word :
         {"many", "much", "long", "often", "large", "big", "old", "far", "high", "fast"}) {
      if (at(1) == word) return Wanted::kNumber;
    }
  }
  return Wanted::kAnything;
}

// "X is …", "X means …", "X: …", "“X” refers to …", "X - create a child process".
bool Defines(const std::vector<std::string>& defined, std::string_view text) {
  const std::vector<Token> tokens = Tokenise(text);
  constexpr size_t kFarthestHead = 8;  // tokens before the defined word: articles, section numbers
  size_t found = 0;
  size_t i = 0;
  for (; i < tokens.size() && found < defined.size() && i < kFarthestHead + 2 * defined.size();
       ++i) {
    if (Stem(tokens[i].lower) == defined[found]) ++found;
  }
  if (found < defined.size()) return false;
  // A quote or a bracketed abbreviation may stand between.
  size_t skipped = 0;
  for (; i < tokens.size() && skipped < 6; ++i, ++skipped) {
    const std::string& word = tokens[i].lower;
    for (std::string_view verb :
         {"is", "are", "means", "mean", "refers", "refer", "denotes", "denote", "includes",
          "include", "describes", ":", "-", "—", "–"}) {
      if (word == verb) return true;
    }
    const bool bridge = tokens[i].kind == TokenKind::kSymbol || word == "shall" || word == "term" ||
                        word == "also" || !tokens[i].after_space;
    if (!bridge && skipped >= 2) return false;
  }
  return false;
}

}  // namespace

bool IsFragment(std::string_view text) {
  size_t words = 0;
  size_t letters = 0;
  for (const Token& token : Tokenise(text)) words += token.kind == TokenKind::kSymbol ? 0 : 1;
  for (char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    letters += letter || static_cast<unsigned char>(c) >= 0x80 || c == ' ' ? 1 : 0;
  }
  constexpr size_t kFewestWords = 4;
  constexpr double kLettersOfProse = 0.6;
  // What ends with a colon says nothing without what comes next.
  return words < kFewestWords || text.ends_with('?') || text.ends_with(':') ||
         static_cast<double>(letters) < kLettersOfProse * static_cast<double>(text.size());
}

Question ReadQuestion(std::string_view question) {
  Question result;
  result.claims = Analyse(question);
  const std::vector<std::string> words = LowerWords(question);
  result.wanted = WantedBy(words, Contains(words, "of"));
  if (result.wanted == Wanted::kDefinition) {
    for (const ContentWord& word : result.claims.words) {
      if (!IsWeakQuestionWord(word.stem) && word.stem != "meant" && word.stem != "stand") {
        result.defined.push_back(word.stem);
      }
    }
    if (result.defined.empty()) result.wanted = Wanted::kAnything;
  }
  return result;
}

std::optional<Claims> WithoutSubject(const Claims& question, std::string_view title) {
  const Claims head = Analyse(title.substr(0, title.find(": ")));
  const auto names = [](const Claims& claims, const ContentWord& word) {
    return std::any_of(claims.words.begin(), claims.words.end(),
                       [&](const ContentWord& other) { return other.stem == word.stem; });
  };
  bool is_subject = false;
  for (const ContentWord& word : head.words) {
    if (word.number) continue;  // versions are written in many ways
    if (!names(question, word)) return std::nullopt;
    is_subject = true;
  }
  if (!is_subject) return std::nullopt;
  Claims rest = question;
  std::erase_if(rest.words, [&](const ContentWord& word) { return names(head, word); });
  return rest;
}

AnswerSigns ReadSigns(const Question& question, const EvidenceSpan& span,
                      const std::vector<Claims>& units, std::string_view title,
                      bool first_in_passage) {
  AnswerSigns signs;
  signs.fragment = IsFragment(span.text);
  for (int unit = span.first; unit < span.first + span.count; ++unit) {
    const Claims& claims = units[static_cast<size_t>(unit)];
    for (const Number& found : claims.numbers) {
      signs.number = signs.number || found.claimed;
      signs.date = signs.date || found.value.find('-') != std::string::npos ||
                   found.value.size() == 4 || found.unit == "day" || found.unit == "month" ||
                   found.unit == "year";
    }
    for (const ContentWord& word : claims.words) signs.name = signs.name || word.name;
  }
  if (question.wanted != Wanted::kDefinition) return signs;
  std::vector<std::string> title_stems;
  for (const ContentWord& word : Analyse(title).words) title_stems.push_back(word.stem);
  signs.entry = first_in_passage && span.count == 1 && !title_stems.empty() &&
                std::all_of(title_stems.begin(), title_stems.end(), [&](const std::string& stem) {
                  return Contains(question.defined, stem);
                });
  signs.defines = !signs.entry && Defines(question.defined, span.text);
  return signs;
}

}  // namespace footnote::generator::grounding
