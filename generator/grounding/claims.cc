#include "generator/grounding/claims.h"

#include <algorithm>

#include "common/text/utf8.h"
#include "generator/tokenizers/unicode.h"

namespace footnote::generator::grounding {
namespace {

bool IsAsciiUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsAsciiLower(char c) { return c >= 'a' && c <= 'z'; }

// Begins with a letter that has a lower case.
bool IsCapitalised(const Token& token) {
  if (token.text.empty()) return false;
  if (IsAsciiUpper(token.text[0])) return true;
  if (static_cast<unsigned char>(token.text[0]) < 0x80) return false;
  size_t end = 0;
  const char32_t first = DecodeUtf8(token.text, end);
  std::u32string lower;
  AppendLower(first, lower);
  return lower.size() != 1 || lower[0] != first;
}

// All capitals, at least two: "GPL", "NOTICE"; "GPUs" too.
bool IsAcronym(const Token& token) {
  std::string_view text = token.text;
  if (text.ends_with('s')) text.remove_suffix(1);
  return text.size() >= 2 && std::all_of(text.begin(), text.end(), IsAsciiUpper);
}

bool EndsClause(const Token& token) {
  if (token.kind == TokenKind::kSymbol) {
    return token.text == "." || token.text == ";" || token.text == ":" || token.text == "," ||
           token.text == "?" || token.text == "!";
  }
  return token.lower == "but" || token.lower == "however" || token.lower == "although" ||
         token.lower == "whereas";
}

// A word right behind one of these begins something: its capital says nothing.
bool OpensText(const Token& token) {
  if (token.kind != TokenKind::kSymbol) return false;
  for (std::string_view symbol :
       {".", "?", "!", ":", "\"", "“", "”", "•", "#", "|", "-", "*", "="}) {
    if (token.text == symbol) return true;
  }
  return false;
}

bool IsSingularVerb(std::string_view word) {
  return word == "is" || word == "was" || word == "has" || word == "does";
}

class Analyser {
 public:
  explicit Analyser(std::string_view text) : tokens_(Tokenise(text)) {}

  Claims Analyse() {
    claims_.numbers = FindNumbers(tokens_);
    FindShouting();
    MarkNegation();
    number_at_.assign(tokens_.size(), -1);
    for (size_t n = 0; n < claims_.numbers.size(); ++n) {
      const Number& number = claims_.numbers[n];
      for (size_t i = number.first_token; i <= number.last_token && i < tokens_.size(); ++i) {
        number_at_[i] = static_cast<int>(n);
      }
    }
    for (size_t i = LeadInEnd(); i < tokens_.size(); ++i) {
      AddToken(i);
      AddItem(i);
    }
    FindModals();
    return std::move(claims_);
  }

 private:
  // Text in capitals throughout has no names to see.
  void FindShouting() {
    size_t upper = 0;
    size_t lower = 0;
    for (const Token& token : tokens_) {
      for (char c : token.text) {
        upper += IsAsciiUpper(c) ? 1 : 0;
        lower += IsAsciiLower(c) ? 1 : 0;
      }
    }
    shouting_ = upper > lower;
  }

  // "Based on the given passages, …" says where the rest comes from, not what. The token behind its
  // comma; 0 when there is none, or when it names what it rests on.
  size_t LeadInEnd() const {
    constexpr size_t kLongestLeadIn = 12;  // tokens
    if (tokens_.size() < 4) return 0;
    const std::string& first = tokens_[0].lower;
    const std::string& second = tokens_[1].lower;
    if (!(first == "based" && (second == "on" || second == "upon")) &&
        !(first == "according" && second == "to") && !(first == "as" && second == "per")) {
      return 0;
    }
    bool speaks_of_text = false;
    for (size_t i = 2; i < tokens_.size() && i < kLongestLeadIn; ++i) {
      if (tokens_[i].text == ",") return speaks_of_text ? i + 1 : 0;
      if (IsCapitalised(tokens_[i])) return 0;
      for (std::string_view noun :
           {"passage", "passages", "text", "texts", "document", "documents", "context", "excerpt",
            "excerpts", "information", "source", "sources", "article"}) {
        speaks_of_text = speaks_of_text || tokens_[i].lower == noun;
      }
    }
    return 0;
  }

  size_t ClauseStart(size_t i) const {
    while (i > 0 && (!EndsClause(tokens_[i - 1]) || IsListComma(i - 1))) --i;
    return i;
  }
  size_t ClauseEnd(size_t i) const {
    while (i < tokens_.size() && (!EndsClause(tokens_[i]) || IsListComma(i))) ++i;
    return i;
  }

  // "caught, blocked or ignored", "caught, blocked, or ignored": the clause goes on.
  bool IsListComma(size_t i) const {
    if (tokens_[i].text != ",") return false;
    constexpr size_t kLongestItem = 2;  // words
    for (size_t j = i + 1; j < tokens_.size() && j <= i + 1 + kLongestItem; ++j) {
      const std::string& word = tokens_[j].lower;
      if (word == "or" || word == "nor") return true;
      if (j == i + 1 && (IsStopWord(word) || tokens_[j].kind == TokenKind::kSymbol)) return false;
      if (word == "and") return true;
      if (word == ",") return IsListComma(j);
    }
    return false;
  }

  bool IsContent(size_t i) const {
    const Token& token = tokens_[i];
    return token.kind != TokenKind::kSymbol && !IsStopWord(token.lower) &&
           NegationOf(token.lower) == Negation::kNone;
  }

  void MarkNegation() {
    negated_.assign(tokens_.size(), false);
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].kind != TokenKind::kWord) continue;
      const Negation negation = NegationOf(tokens_[i].lower);
      if (negation == Negation::kNone) continue;
      const std::string_view next =
          i + 1 < tokens_.size() ? std::string_view(tokens_[i + 1].lower) : std::string_view();
      if (negation == Negation::kForward) {
        const bool by = next == "limited" && i + 2 < tokens_.size() && tokens_[i + 2].lower != "to";
        if (IsNegationIdiom(next) && !by) continue;
        if (next == "be" && i + 2 < tokens_.size() && IsNegationIdiom(tokens_[i + 2].lower))
          continue;
        if (tokens_[i].lower == "no" && next == "." && i + 2 < tokens_.size() &&
            tokens_[i + 2].kind == TokenKind::kNumber) {
          continue;  // "No. 5"
        }
        // "whether or not", "or not": no denial.
        if (i > 0 && tokens_[i].lower == "not" && tokens_[i - 1].lower == "or") continue;
        claims_.denials.push_back(tokens_[i].bytes);
        const size_t end = ClauseEnd(i + 1);
        for (size_t j = i + 1; j < end; ++j) negated_[j] = true;
      } else {
        claims_.denials.push_back(tokens_[i].bytes);
        const size_t end = ClauseEnd(i);
        for (size_t j = ClauseStart(i); j < end; ++j) negated_[j] = true;
      }
    }
  }

  // A capital that only a name has.
  bool IsName(size_t i) const {
    const Token& token = tokens_[i];
    if (token.kind == TokenKind::kIdentifier) return true;
    if (token.kind != TokenKind::kWord || shouting_ || !IsCapitalised(token)) return false;
    if (IsAcronym(token)) return true;
    if (token.text.size() < 2) return false;
    const bool opens = i == 0 || OpensText(tokens_[i - 1]);
    if (!opens) return true;
    // "Marfan Syndrome is": two capitals in a row.
    const size_t next = i + 1;
    if (next >= tokens_.size()) return false;
    if (tokens_[next].kind == TokenKind::kWord && IsCapitalised(tokens_[next]) &&
        !IsStopWord(tokens_[next].lower)) {
      return true;
    }
    // "Berlin is": a bare noun with a singular verb. "Termination is" has an ordinary noun's
    // ending.
    return IsSingularVerb(tokens_[next].lower) && !HasOrdinarySuffix(token.lower);
  }

  void AddToken(size_t i) {
    const Token& token = tokens_[i];
    if (token.kind == TokenKind::kSymbol) return;
    claims_.all_stems.push_back(Stem(token.lower));
    if (number_at_[i] >= 0) {
      const Number& number = claims_.numbers[static_cast<size_t>(number_at_[i])];
      if (number.first_token == i && number.claimed) {
        claims_.words.push_back({"#" + number.value, false, true, negated_[i], number.bytes,
                                 static_cast<size_t>(number_at_[i])});
      }
      return;
    }
    if (!IsContent(i)) return;
    ContentWord word;
    word.stem = claims_.all_stems.back();
    // "non-exclusive" is a word of its own, not a form of "exclusive".
    if (i >= 2 && tokens_[i - 1].text == "-" && tokens_[i - 2].lower == "non") {
      word.stem.insert(0, "non");
    }
    word.name = IsName(i);
    word.negated = negated_[i];
    word.bytes = token.bytes;
    claims_.words.push_back(std::move(word));
  }

  void AddItem(size_t i) {
    const Token& token = tokens_[i];
    if (token.kind == TokenKind::kSymbol) return;
    Item item;
    item.key = Stem(token.lower);
    item.bytes = token.bytes;
    item.negated = negated_[i];
    if (number_at_[i] >= 0) {
      const size_t index = static_cast<size_t>(number_at_[i]);
      const Number& number = claims_.numbers[index];
      if (number.first_token != i) return;
      item.kind = ItemKind::kNumber;
      item.key = number.value;
      item.bytes = number.bytes;
      item.number_index = index;
    } else if (IsDenial(token)) {
      item.kind = ItemKind::kDenial;
    } else if (IsModal(i)) {
      item.kind = ItemKind::kModal;
      item.modality = ModalityOf(token.lower);
      item.negated = IsDeniedModal(i);
    } else if (IsStopWord(token.lower)) {
      item.kind = ItemKind::kFunction;
    } else {
      item.kind = IsName(i) ? ItemKind::kName : ItemKind::kContent;
    }
    claims_.items.push_back(std::move(item));
  }

  // "may not", "shall in no case", "no party may"; not "if you do not agree you may", though the
  // words of its clause stand behind a denial.
  bool IsDeniedModal(size_t i) const {
    constexpr size_t kReach = 3;
    for (size_t j = i; j < tokens_.size() && j <= i + kReach && !EndsClause(tokens_[j]); ++j) {
      if (NegationOf(tokens_[j].lower) == Negation::kForward) return true;
    }
    for (size_t j = ClauseStart(i); j < i; ++j) {
      for (std::string_view nobody : {"no", "none", "neither", "nobody", "nor", "nothing"}) {
        if (tokens_[j].lower == nobody) return true;
      }
    }
    return false;
  }

  bool IsDenial(const Token& token) const {
    return std::any_of(claims_.denials.begin(), claims_.denials.end(),
                       [&](const ByteSpan& bytes) { return bytes == token.bytes; });
  }

  bool IsModal(size_t i) const {
    const bool month =
        tokens_[i].lower == "may" && i > 0 && IsCapitalised(tokens_[i]) && !shouting_;
    return ModalityOf(tokens_[i].lower) != Modality::kNone && !month;
  }

  void FindModals() {
    for (size_t i = 0; i < tokens_.size(); ++i) {
      const Token& token = tokens_[i];
      if (token.kind != TokenKind::kWord || number_at_[i] >= 0) continue;
      Modality modality = ModalityOf(token.lower);
      const std::string_view next =
          i + 1 < tokens_.size() ? std::string_view(tokens_[i + 1].lower) : std::string_view();
      if ((token.lower == "has" || token.lower == "have" || token.lower == "needs" ||
           token.lower == "need") &&
          next == "to") {
        modality = Modality::kObligation;
      }
      if (modality == Modality::kNone) continue;
      if (token.lower == "may" && i > 0 && IsCapitalised(token) && !shouting_)
        continue;  // the month
      ModalClaim claim;
      claim.modality = modality;
      claim.bytes = token.bytes;
      claim.negated = IsDeniedModal(i);
      for (size_t j = i + 1; j < tokens_.size() && !EndsClause(tokens_[j]); ++j) {
        if (!IsContent(j) || number_at_[j] >= 0 ||
            ModalityOf(tokens_[j].lower) != Modality::kNone) {
          continue;
        }
        if (tokens_[j].lower.ends_with("ly")) continue;  // "shall promptly notify"
        claim.verb = Stem(tokens_[j].lower);
        break;
      }
      claims_.modals.push_back(std::move(claim));
    }
  }

  std::vector<Token> tokens_;
  std::vector<bool> negated_;   // [tokens]
  std::vector<int> number_at_;  // [tokens]: which number, -1 none
  bool shouting_ = false;
  Claims claims_;
};

}  // namespace

Claims Analyse(std::string_view text) { return Analyser(text).Analyse(); }

bool SpeaksOfTheText(std::string_view sentence) {
  const auto any_of = [](std::string_view word, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  std::vector<std::string> words;
  constexpr size_t kWordsOfInterest = 5;
  for (const Token& token : Tokenise(sentence)) {
    if (token.kind != TokenKind::kSymbol) words.push_back(token.lower);
    if (words.size() == kWordsOfInterest) break;
  }
  size_t i = 0;
  const auto next = [&] {
    return i < words.size() ? std::string_view(words[i]) : std::string_view();
  };
  if (any_of(next(), {"the", "this", "these", "both"})) ++i;
  if (any_of(next(), {"above", "given", "provided"})) ++i;
  if (!any_of(next(), {"text", "texts", "passage", "passages", "excerpt", "context"})) return false;
  ++i;
  if (any_of(next(), {"above", "given", "provided"})) ++i;
  return any_of(next(),
                {"provides",  "provide",    "explains",   "explain", "describes", "describe",
                 "discusses", "discuss",    "gives",      "give",    "offers",    "offer",
                 "contains",  "contain",    "presents",   "present", "outlines",  "highlights",
                 "clarifies", "summarizes", "summarises", "is",      "are"});
}

}  // namespace footnote::generator::grounding
