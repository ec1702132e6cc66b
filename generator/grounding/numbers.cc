#include "generator/grounding/numbers.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "generator/grounding/lexicon.h"

namespace footnote::generator::grounding {
namespace {

constexpr int kFirstYear = 1000;
constexpr int kLastYear = 2999;

// Digits without grouping commas, leading zeros and a fraction's trailing zeros.
std::string CanonicalDigits(std::string_view text) {
  std::string value;
  for (char c : text) {
    if (c != ',') value += c;
  }
  if (value.find('-') != std::string::npos) return value;  // an ISO date
  const size_t dots = static_cast<size_t>(std::count(value.begin(), value.end(), '.'));
  if (dots == 1) {
    while (value.ends_with('0')) value.pop_back();
    if (value.ends_with('.')) value.pop_back();
  }
  const size_t nonzero = value.find_first_not_of('0');
  if (nonzero == std::string::npos) return "0";
  if (value[nonzero] == '.') return value.substr(nonzero - 1);
  return value.substr(nonzero);
}

std::string Scaled(const std::string& value, double factor) {
  char text[40];
  std::snprintf(text, sizeof text, "%.6f", std::strtod(value.c_str(), nullptr) * factor);
  return CanonicalDigits(text);
}

class Finder {
 public:
  explicit Finder(std::span<const Token> tokens) : tokens_(tokens) {}

  std::vector<Number> Find() {
    size_t i = ListMarkLength();
    while (i < tokens_.size()) i = At(i);
    ShareUnits();
    PairRanges();
    return std::move(numbers_);
  }

 private:
  // "6-8 hours", "one or two weeks": the first number has the second one's unit.
  void ShareUnits() {
    for (size_t n = numbers_.size(); n-- > 1;) {
      const Number& second = numbers_[n];
      Number& first = numbers_[n - 1];
      if (!first.unit.empty() || second.unit.empty() || second.unit == "th" ||
          second.first_token != first.last_token + 2) {
        continue;
      }
      const std::string_view between = Lower(first.last_token + 1);
      for (std::string_view joint : {"-", "–", "to", "or", "and"}) {
        if (between != joint) continue;
        first.unit = second.unit;
        first.label.clear();
      }
    }
  }

  // "6-8 hours", "$100 to $300", "between 5 and 10": each is an end of one range.
  void PairRanges() {
    for (size_t n = 1; n < numbers_.size(); ++n) {
      Number& first = numbers_[n - 1];
      Number& second = numbers_[n];
      size_t joint = first.last_token + 1;
      const bool currency = second.first_token == joint + 2 && !CurrencyBefore(joint + 2).empty();
      if ((second.first_token != joint + 1 && !currency) || first.unit == "th") continue;
      const std::string_view between = Lower(joint);
      size_t before = first.first_token;
      if (!CurrencyBefore(before).empty()) --before;
      const bool joined = between == "-" || between == "–" || between == "—" || between == "to" ||
                          (between == "and" && before > 0 && Lower(before - 1) == "between");
      if (!joined) continue;
      first.range = second.value;
      second.range = first.value;
    }
  }

  // "about", "nearly", "just over" …: a rounded number.
  bool IsAbout(size_t first) const {
    size_t i = first;
    if (i > 0 && tokens_[i - 1].kind == TokenKind::kSymbol) --i;  // the currency
    if (i == 0) return false;
    for (std::string_view word : {"about", "almost", "approximately", "around", "nearly", "over",
                                  "roughly", "some", "under"}) {
      if (Lower(i - 1) == word) return true;
    }
    return false;
  }

  // The word right before a number that has no unit: what is numbered.
  std::string LabelBefore(size_t first) const {
    if (first == 0 || tokens_[first - 1].kind == TokenKind::kSymbol) return {};
    const Token& word = tokens_[first - 1];
    const bool name = word.text[0] >= 'A' && word.text[0] <= 'Z';
    for (std::string_view numbered :
         {"article", "chapter", "clause", "day", "figure", "grade", "level", "page", "part",
          "phase", "section", "stage", "step", "table", "type", "version"}) {
      if (word.lower == numbered) return Stem(word.lower);
    }
    return name && !IsStopWord(word.lower) && MonthWord(word.lower) == 0 && first > 1
               ? Stem(word.lower)
               : std::string();
  }

  bool IsSymbol(size_t i, std::string_view symbol) const {
    return i < tokens_.size() && tokens_[i].kind == TokenKind::kSymbol && tokens_[i].text == symbol;
  }
  bool IsNumber(size_t i) const {
    return i < tokens_.size() && tokens_[i].kind == TokenKind::kNumber;
  }
  std::string_view Lower(size_t i) const {
    return i < tokens_.size() ? std::string_view(tokens_[i].lower) : std::string_view();
  }

  // "1. Open the file", "(2) Close it": tokens of the mark.
  size_t ListMarkLength() const {
    const size_t start = IsSymbol(0, "(") ? 1 : 0;
    if (!IsNumber(start) || tokens_[start].text.size() > 2) return 0;
    const size_t close = start + 1;
    if (!IsSymbol(close, ")") && !IsSymbol(close, ".")) return 0;
    return close + 1 < tokens_.size() && tokens_[close + 1].after_space ? close + 1 : 0;
  }

  // "passage 2", "passages 1, 2 and 3": the token behind.
  size_t PassageList(size_t i) const {
    while (i < tokens_.size() &&
           (IsNumber(i) ||
            (IsNumber(i + 1) && (IsSymbol(i, ",") || Lower(i) == "and" || Lower(i) == "or")))) {
      ++i;
    }
    return i;
  }

  // A whole number between `low` and `high`, or 0.
  int SmallInteger(size_t i, int low, int high) const {
    if (!IsNumber(i) || tokens_[i].text.size() > 4) return 0;
    if (!std::all_of(tokens_[i].text.begin(), tokens_[i].text.end(),
                     [](char c) { return c >= '0' && c <= '9'; })) {
      return 0;
    }
    const int value = std::atoi(tokens_[i].text.c_str());
    return value >= low && value <= high ? value : 0;
  }

  int Month(size_t i) const {
    if (i >= tokens_.size() || tokens_[i].kind != TokenKind::kWord) return 0;
    const char first = tokens_[i].text.empty() ? ' ' : tokens_[i].text[0];
    if (first >= 'A' && first <= 'Z') return MonthWord(tokens_[i].lower);
    // Text in lower case throughout: "on july 11"; "may" and "march" are too often other words.
    const bool beside_day =
        (i > 0 && SmallInteger(i - 1, 1, 31) > 0) || SmallInteger(i + 1, 1, 31) > 0;
    const bool other_word = tokens_[i].lower == "may" || tokens_[i].lower == "march";
    return beside_day && !other_word ? MonthWord(tokens_[i].lower) : 0;
  }

  size_t SkipOrdinalSuffix(size_t i) const {
    if (i < tokens_.size() && !tokens_[i].after_space &&
        (Lower(i) == "th" || Lower(i) == "st" || Lower(i) == "nd" || Lower(i) == "rd")) {
      return i + 1;
    }
    return i;
  }

  // "12 May 2020", "May 12, 2020", "May 2020". Tokens taken, 0 when there is no date.
  size_t Date(size_t i) {
    int day = SmallInteger(i, 1, 31);
    size_t at = day > 0 ? SkipOrdinalSuffix(i + 1) : i;
    if (day > 0 && Lower(at) == "of") ++at;
    const int month = Month(at);
    if (month == 0) return 0;
    size_t behind = at + 1;
    if (IsSymbol(behind, ".")) ++behind;
    if (day == 0) {
      const int after = SmallInteger(behind, 1, 31);
      if (after > 0) {
        day = after;
        behind = SkipOrdinalSuffix(behind + 1);
        if (IsSymbol(behind, ",")) ++behind;
      }
    }
    const int year = SmallInteger(behind, kFirstYear, kLastYear);
    if (year > 0) ++behind;
    if (year == 0 && day == 0) return 0;
    char text[32];
    if (year == 0) {
      std::snprintf(text, sizeof text, "--%02d-%02d", month, day);
    } else if (day == 0) {
      std::snprintf(text, sizeof text, "%04d-%02d", year, month);
    } else {
      std::snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day);
    }
    Add(text, "", i, behind - 1);
    return behind - i;
  }

  void Add(std::string value, std::string_view unit, size_t first, size_t last,
           bool claimed = true) {
    Number number;
    number.value = std::move(value);
    number.unit = unit;
    number.bound = BoundBefore(first);
    if (number.bound == 0) number.bound = BoundBehind(last + 1);
    number.counts = unit.empty() && last + 1 < tokens_.size() &&
                    tokens_[last + 1].kind == TokenKind::kWord && !IsStopWord(Lower(last + 1)) &&
                    MonthWord(Lower(last + 1)) == 0;
    if (unit.empty() && !number.counts) number.label = LabelBefore(first);
    // "2019-nCoV" is no year.
    if (unit.empty() && last + 2 < tokens_.size() && IsSymbol(last + 1, "-") &&
        !tokens_[last + 1].after_space && !tokens_[last + 2].after_space &&
        tokens_[last + 2].kind != TokenKind::kNumber) {
      number.label = "-" + tokens_[last + 2].lower;
    }
    number.about = IsAbout(first);
    number.claimed = claimed;
    number.first_token = first;
    number.last_token = last;
    number.bytes = {tokens_[first].bytes.start, tokens_[last].bytes.end};
    numbers_.push_back(std::move(number));
  }

  // "at least", "not more than", "up to", "no later than" … in the words before.
  int BoundBefore(size_t first) const {
    size_t i = first;
    for (int skipped = 0; i > 0 && skipped < 2; ++skipped) {
      const std::string_view word = Lower(i - 1);
      if (word != "a" && word != "of" && word != "the" && word != "$" && word != "€" && word != "£")
        break;
      --i;
    }
    if (i < 2) return 0;
    const std::string_view last = Lower(i - 1);
    const std::string_view before = Lower(i - 2);
    const bool denied =
        i >= 3 && (Lower(i - 3) == "not" || Lower(i - 3) == "no" || Lower(i - 3) == "nor");
    if (last == "least" && before == "at") return 1;
    if (last == "most" && before == "at") return -1;
    if (last == "to" && before == "up") return -1;
    if (last == "than") {
      int bound = 0;
      for (std::string_view word : {"more", "longer", "greater", "later", "larger", "higher"}) {
        if (before == word) bound = 1;
      }
      for (std::string_view word : {"less", "fewer", "earlier", "smaller", "sooner", "lower"}) {
        if (before == word) bound = -1;
      }
      return denied ? -bound : bound;
    }
    if (last == "minimum" || last == "exceeds" || last == "exceeding" || last == "exceed") {
      return before == "not" ? -1 : 1;
    }
    return last == "maximum" ? -1 : 0;
  }

  // "30 days or more".
  int BoundBehind(size_t i) const {
    if (Lower(i) != "or") return 0;
    const std::string_view word = Lower(i + 1);
    if (word == "more" || word == "longer" || word == "later") return 1;
    if (word == "less" || word == "fewer" || word == "sooner") return -1;
    return 0;
  }

  // The unit behind a number's last token, and the token where it stands; `i` when there is none.
  std::pair<std::string_view, size_t> UnitBehind(size_t i) const {
    size_t at = i;
    // "thirty (30) days", "five [5] years"
    if ((IsSymbol(at, "(") || IsSymbol(at, "[")) && IsNumber(at + 1) &&
        (IsSymbol(at + 2, ")") || IsSymbol(at + 2, "]"))) {
      at += 3;
    }
    if (IsSymbol(at, ")") && at + 1 < tokens_.size()) ++at;  // inside "(30) days"
    if (IsSymbol(at, "-")) ++at;                             // "30-day"
    for (int adjectives = 0; adjectives < 2 && IsUnitAdjective(Lower(at)); ++adjectives) ++at;
    if (Lower(at) == "per" && Lower(at + 1) == "cent") return {"%", at + 1};
    if (Lower(at) == "°" && at + 1 < tokens_.size()) {
      const std::string both = "°" + tokens_[at + 1].lower;
      if (const std::string_view unit = UnitOf(both); !unit.empty()) return {unit, at + 1};
    }
    const std::string_view unit = UnitOf(Lower(at));
    if (unit.empty()) return {unit, i};
    return {unit, at};
  }

  std::string_view CurrencyBefore(size_t i) const {
    if (i == 0) return {};
    const std::string_view unit = UnitOf(Lower(i - 1));
    return unit == "usd" || unit == "eur" || unit == "gbp" ? unit : std::string_view();
  }

  // Looks at token `i`; gives the next to look at.
  size_t At(size_t i) {
    const Token& token = tokens_[i];
    if (token.kind == TokenKind::kSymbol && token.text == "[" && IsNumber(i + 1) &&
        IsSymbol(i + 2, "]")) {
      return i + 3;
    }
    if (token.lower == "passage" || token.lower == "passages") return PassageList(i + 1);
    if (const size_t taken = Date(i); taken > 0) return i + taken;
    std::string value;
    size_t last = i;
    bool one = false;
    if (token.kind == TokenKind::kNumber) {
      value = CanonicalDigits(token.text);
      if (const size_t behind = SkipOrdinalSuffix(i + 1); behind > i + 1) {
        Add(std::move(value), "th", i, i + 1);
        return behind;
      }
    } else if (token.kind == TokenKind::kWord) {
      if (const std::optional<int> word = NumberWord(token.lower)) {
        int sum = *word;
        // "twenty-five", "twenty five"
        size_t next = IsSymbol(i + 1, "-") ? i + 2 : i + 1;
        if (sum >= 20 && next < tokens_.size()) {
          std::optional<int> unit = NumberWord(tokens_[next].lower);
          if (tokens_[next].lower == "one") unit = 1;
          if (unit && *unit < 10) {
            sum += *unit;
            last = next;
          }
        }
        value = std::to_string(sum);
      } else if (token.lower == "one") {
        value = "1";
        one = true;
      } else if (const std::optional<int> ordinal = OrdinalWord(token.lower)) {
        // "a second", "per second" measure time; "First, …" only orders the text.
        const std::string_view before = i > 0 ? Lower(i - 1) : std::string_view();
        if (token.lower == "second" && (before == "a" || before == "per" || before == "/")) {
          return i + 1;
        }
        Add(std::to_string(*ordinal), "th", i, i, i > 0);
        return i + 1;
      } else {
        return i + 1;
      }
    } else {
      return i + 1;
    }
    bool magnitude = false;
    while (const double factor = MagnitudeWord(Lower(last + 1))) {
      value = Scaled(value, factor);
      ++last;
      magnitude = true;
    }
    const size_t number_end = last;
    const auto [unit_behind, unit_token] = UnitBehind(last + 1);
    std::string_view unit = CurrencyBefore(i);
    // "aged 75", "at the age of 75"
    if (unit.empty() && unit_behind.empty() && i > 0 &&
        (Lower(i - 1) == "aged" || (i > 1 && Lower(i - 2) == "age" && Lower(i - 1) == "of"))) {
      unit = "year";
    }
    if (unit.empty() && !unit_behind.empty()) {
      unit = unit_behind;
      last = unit_token;
    }
    // "thirty (30) days" is one number, "thirty (60) days" two that do not agree.
    const size_t inner = number_end + 2;
    if (IsSymbol(number_end + 1, "(") && IsNumber(inner) && IsSymbol(inner + 1, ")") &&
        CanonicalDigits(tokens_[inner].text) != value) {
      Add(CanonicalDigits(tokens_[inner].text), unit, inner, inner);
    }
    Add(std::move(value), unit, i, last, !one || magnitude || !unit.empty());
    return last + 1;
  }

  std::span<const Token> tokens_;
  std::vector<Number> numbers_;
};

}  // namespace

std::vector<Number> FindNumbers(std::span<const Token> tokens) { return Finder(tokens).Find(); }

bool NumberSays(const Number& evidence, const Number& claim) {
  if (evidence.bound * claim.bound < 0) return false;
  if (!evidence.range.empty() && !claim.range.empty() && evidence.range != claim.range)
    return false;
  const bool dates = evidence.value.size() > claim.value.size() && claim.value.size() >= 4 &&
                     evidence.value.starts_with(claim.value) &&
                     evidence.value[claim.value.size()] == '-';
  // "12 May" of a claim, "12 May 2020" in the source.
  const bool day_of_year = claim.value.starts_with("--") && evidence.value.size() == 10 &&
                           evidence.value.ends_with(claim.value.substr(2));
  // "just over 1 million" for 1,027,339.
  const bool rounded = claim.about && claim.value.ends_with("000") &&
                       std::abs(std::strtod(claim.value.c_str(), nullptr) /
                                    std::max(1.0, std::strtod(evidence.value.c_str(), nullptr)) -
                                1) < 0.05;
  if (evidence.value != claim.value && !dates && !day_of_year && !rounded) return false;
  if (claim.label.starts_with('-') && evidence.label != claim.label) return false;
  if (evidence.unit == claim.unit) {
    return evidence.label.empty() || claim.label.empty() || evidence.label == claim.label;
  }
  // "three copies" is not "three months"; "a fee of 950" may be "950 EUR".
  if (evidence.unit.empty()) {
    const bool left_out = claim.unit == "%" || claim.unit == "usd" || claim.unit == "eur" ||
                          claim.unit == "gbp" || claim.unit == "th";
    return left_out && !evidence.counts;
  }
  return claim.unit.empty() && !claim.counts;
}

}  // namespace footnote::generator::grounding
