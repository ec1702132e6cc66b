#include <algorithm>

#include "generator/grounding/claims.h"
#include "generator/prompt.h"

namespace footnote::generator {
namespace {

using grounding::Claims;
using grounding::ContentWord;
using grounding::Token;
using grounding::TokenKind;

// A question with fewer content words of its own leans on what was said before.
constexpr size_t kFewContentWords = 3;
constexpr size_t kUserTurns = 2;            // that may lend words, newest first
constexpr size_t kMaxBorrowedFromUser = 8;  // words a turn
constexpr size_t kMaxBorrowedFromAssistant = 4;

// Words that point back. "It" in "Is it raining" does too: borrowing needlessly costs little.
bool PointsBack(const Token& token) {
  for (std::string_view word :
       {"it",      "its",   "they",   "them",   "their",  "theirs",  "this", "that",
        "these",   "those", "he",     "she",    "him",    "her",     "his",  "hers",
        "there",   "one",   "ones",   "former", "latter", "same",    "such", "else",
        "another", "other", "others", "more",   "also",   "instead", "then"}) {
    if (token.lower == word) return true;
  }
  return false;
}

// Content words of `text` as written, without those in `known` (stems; those taken are added).
// Names first when `names_only`.
std::string Borrow(std::string_view text, size_t limit, bool names_only,
                   std::vector<std::string>& known) {
  const Claims claims = grounding::Analyse(text);
  auto is_name = [&](const std::string& stem) {
    return std::any_of(claims.words.begin(), claims.words.end(),
                       [&](const ContentWord& word) { return word.stem == stem && word.name; });
  };
  std::string borrowed;
  size_t count = 0;
  for (const Token& token : grounding::Tokenise(text)) {
    if (count >= limit) break;
    if (token.kind == TokenKind::kSymbol || grounding::IsStopWord(token.lower)) continue;
    const std::string stem = grounding::Stem(token.lower);
    if (grounding::IsWeakQuestionWord(token.lower) ||
        std::find(known.begin(), known.end(), stem) != known.end()) {
      continue;
    }
    if (names_only && !is_name(stem) && token.kind != TokenKind::kIdentifier) continue;
    known.push_back(stem);
    borrowed += ' ';
    borrowed += text.substr(token.bytes.start, token.bytes.size());
    ++count;
  }
  return borrowed;
}

}  // namespace

std::string CondenseQuestion(std::string_view question, std::span<const ConversationTurn> history) {
  std::string condensed(question);
  if (history.empty()) return condensed;
  const std::vector<Token> tokens = grounding::Tokenise(question);
  const Claims claims = grounding::Analyse(question);
  std::vector<std::string> known;
  size_t content_words = 0;
  for (const ContentWord& word : claims.words) {
    known.push_back(word.stem);
    if (!grounding::IsWeakQuestionWord(word.stem)) ++content_words;
  }
  const bool points_back =
      std::any_of(tokens.begin(), tokens.end(), PointsBack) ||
      (!tokens.empty() && (tokens[0].lower == "and" || tokens[0].lower == "but" ||
                           tokens[0].lower == "or" || tokens[0].lower == "so"));
  if (!points_back && content_words >= kFewContentWords) return condensed;

  // The newest user turn says what the talk is about; an older one only where that is terse too.
  size_t user_turns = 0;
  size_t borrowed_words = known.size();
  bool assistant_heard = false;
  for (size_t i = history.size(); i-- > 0 && user_turns < kUserTurns;) {
    const ConversationTurn& turn = history[i];
    if (turn.role == "user") {
      condensed += Borrow(turn.content, kMaxBorrowedFromUser, /*names_only=*/false, known);
      ++user_turns;
      if (known.size() - borrowed_words >= kFewContentWords) break;
    } else if (turn.role == "assistant" && !assistant_heard) {
      // Names only: an answer's other words are many, and were ours.
      assistant_heard = true;
      condensed += Borrow(turn.content, kMaxBorrowedFromAssistant, /*names_only=*/true, known);
      borrowed_words = known.size();
    }
  }
  return condensed;
}

}  // namespace footnote::generator
