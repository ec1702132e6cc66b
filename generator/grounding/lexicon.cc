#include "generator/grounding/lexicon.h"

#include <algorithm>
#include <array>
#include <utility>

namespace footnote::generator::grounding {
namespace {

constexpr auto kStopWords = std::to_array<std::string_view>({
    "a",       "about",   "above",     "according", "after",   "again",   "all",       "also",
    "am",      "an",      "and",       "any",       "are",     "as",      "at",        "be",
    "because", "been",    "before",    "being",     "below",   "between", "both",      "but",
    "by",      "can",     "cannot",    "could",     "did",     "do",      "does",      "doing",
    "done",    "down",    "during",    "each",      "either",  "else",    "even",      "ever",
    "every",   "few",     "for",       "from",      "further", "had",     "has",       "have",
    "having",  "he",      "her",       "here",      "hers",    "him",     "his",       "how",
    "however", "i",       "if",        "in",        "into",    "is",      "it",        "its",
    "itself",  "just",    "let",       "like",      "many",    "may",     "me",        "might",
    "more",    "most",    "much",      "must",      "my",      "neither", "no",        "non",
    "nor",     "not",     "of",        "off",       "on",      "once",    "one",       "only",
    "or",      "other",   "otherwise", "ought",     "our",     "ours",    "out",       "over",
    "own",     "passage", "passages",  "per",       "please",  "rather",  "same",      "shall",
    "she",     "should",  "so",        "some",      "such",    "tell",    "than",      "that",
    "the",     "their",   "them",      "then",      "there",   "thereby", "therefore", "therein",
    "thereof", "these",   "they",      "this",      "those",   "though",  "through",   "thus",
    "to",      "too",     "under",     "unless",    "until",   "up",      "upon",      "us",
    "very",    "via",     "was",       "we",        "were",    "what",    "whatever",  "when",
    "where",   "whereas", "whether",   "which",     "while",   "who",     "whom",      "whose",
    "why",     "will",    "with",      "within",    "without", "would",   "yes",       "yet",
    "you",     "your",    "yours",     "yourself",
});

constexpr auto kWeakQuestionWords = std::to_array<std::string_view>({
    "define", "definition", "describe", "difference", "example", "examples", "explain", "find",
    "get",    "give",       "happen",   "happens",    "help",    "kind",     "kinds",   "list",
    "main",   "mean",       "meaning",  "means",      "name",    "need",     "needed",  "say",
    "says",   "show",       "thing",    "things",     "type",    "types",    "use",     "used",
    "using",  "want",       "way",      "ways",       "work",    "works",
});

constexpr auto kForwardNegations = std::to_array<std::string_view>({
    "absence", "absent", "cannot",  "fail",    "failed", "fails",   "lack",
    "lacking", "lacks",  "neither", "never",   "no",     "nobody",  "none",
    "nor",     "not",    "nothing", "nowhere", "unless", "without",
});
constexpr auto kClauseNegations = std::to_array<std::string_view>({
    "banned",
    "barred",
    "disallowed",
    "disclaimed",
    "forbidden",
    "forbids",
    "illegal",
    "prohibited",
    "prohibits",
    "unlawful",
});
constexpr auto kIdiomWords = std::to_array<std::string_view>({
    "earlier", "exceed", "exceeding",  "fewer",   "greater",  "just",      "larger",
    "later",   "less",   "limitation", "limited", "limiting", "longer",    "merely",
    "more",    "only",   "simply",     "smaller", "sooner",   "unlimited",
});

constexpr auto kObligations = std::to_array<std::string_view>(
    {"mandatory", "must", "obligated", "obliged", "required", "shall"});
constexpr auto kPermissions = std::to_array<std::string_view>(
    {"allowed", "can", "could", "entitled", "may", "might", "optional", "optionally", "permitted"});

using IntEntry = std::pair<std::string_view, int>;
constexpr auto kNumberWords = std::to_array<IntEntry>(
    {{"zero", 0},     {"two", 2},        {"three", 3},     {"four", 4},      {"five", 5},
     {"six", 6},      {"seven", 7},      {"eight", 8},     {"nine", 9},      {"ten", 10},
     {"eleven", 11},  {"twelve", 12},    {"thirteen", 13}, {"fourteen", 14}, {"fifteen", 15},
     {"sixteen", 16}, {"seventeen", 17}, {"eighteen", 18}, {"nineteen", 19}, {"twenty", 20},
     {"thirty", 30},  {"forty", 40},     {"fifty", 50},    {"sixty", 60},    {"seventy", 70},
     {"eighty", 80},  {"ninety", 90}});
constexpr auto kOrdinalWords = std::to_array<IntEntry>({{"first", 1},
                                                        {"second", 2},
                                                        {"third", 3},
                                                        {"fourth", 4},
                                                        {"fifth", 5},
                                                        {"sixth", 6},
                                                        {"seventh", 7},
                                                        {"eighth", 8},
                                                        {"ninth", 9},
                                                        {"tenth", 10}});
constexpr auto kMonthWords = std::to_array<IntEntry>(
    {{"january", 1},   {"jan", 1},   {"february", 2},  {"feb", 2},      {"march", 3},
     {"mar", 3},       {"april", 4}, {"apr", 4},       {"may", 5},      {"june", 6},
     {"jun", 6},       {"july", 7},  {"jul", 7},       {"august", 8},   {"aug", 8},
     {"september", 9}, {"sept", 9},  {"sep", 9},       {"october", 10}, {"oct", 10},
     {"november", 11}, {"nov", 11},  {"december", 12}, {"dec", 12}});

using UnitEntry = std::pair<std::string_view, std::string_view>;
constexpr auto kUnits = std::to_array<UnitEntry>({
    {"%", "%"},
    {"percent", "%"},
    {"percentage", "%"},
    {"$", "usd"},
    {"usd", "usd"},
    {"dollar", "usd"},
    {"dollars", "usd"},
    {"€", "eur"},
    {"eur", "eur"},
    {"euro", "eur"},
    {"euros", "eur"},
    {"£", "gbp"},
    {"gbp", "gbp"},
    {"day", "day"},
    {"days", "day"},
    {"week", "week"},
    {"weeks", "week"},
    {"month", "month"},
    {"months", "month"},
    {"year", "year"},
    {"years", "year"},
    {"yr", "year"},
    {"yrs", "year"},
    {"hour", "hour"},
    {"hours", "hour"},
    {"hr", "hour"},
    {"hrs", "hour"},
    {"h", "hour"},
    {"minute", "minute"},
    {"minutes", "minute"},
    {"min", "minute"},
    {"mins", "minute"},
    {"second", "second"},
    {"seconds", "second"},
    {"sec", "second"},
    {"secs", "second"},
    {"s", "second"},
    {"ms", "ms"},
    {"millisecond", "ms"},
    {"milliseconds", "ms"},
    {"µs", "us"},
    {"microsecond", "us"},
    {"microseconds", "us"},
    {"ns", "ns"},
    {"nanosecond", "ns"},
    {"nanoseconds", "ns"},
    {"mg", "mg"},
    {"milligram", "mg"},
    {"milligrams", "mg"},
    {"g", "g"},
    {"gram", "g"},
    {"grams", "g"},
    {"kg", "kg"},
    {"kilogram", "kg"},
    {"kilograms", "kg"},
    {"mcg", "µg"},
    {"µg", "µg"},
    {"microgram", "µg"},
    {"micrograms", "µg"},
    {"ml", "ml"},
    {"milliliter", "ml"},
    {"milliliters", "ml"},
    {"millilitre", "ml"},
    {"millilitres", "ml"},
    {"dl", "dl"},
    {"l", "l"},
    {"liter", "l"},
    {"liters", "l"},
    {"litre", "l"},
    {"litres", "l"},
    {"mm", "mm"},
    {"cm", "cm"},
    {"m", "m"},
    {"meter", "m"},
    {"meters", "m"},
    {"metre", "m"},
    {"metres", "m"},
    {"km", "km"},
    {"kilometer", "km"},
    {"kilometers", "km"},
    {"kilometre", "km"},
    {"kilometres", "km"},
    {"inch", "inch"},
    {"inches", "inch"},
    {"feet", "foot"},
    {"foot", "foot"},
    {"mi", "mile"},
    {"mile", "mile"},
    {"miles", "mile"},
    {"bit", "bit"},
    {"bits", "bit"},
    {"byte", "byte"},
    {"bytes", "byte"},
    {"kb", "kb"},
    {"kib", "kib"},
    {"kbyte", "kb"},
    {"kbytes", "kb"},
    {"mb", "mb"},
    {"mib", "mib"},
    {"gb", "gb"},
    {"gib", "gib"},
    {"tb", "tb"},
    {"hz", "hz"},
    {"khz", "khz"},
    {"mhz", "mhz"},
    {"ghz", "ghz"},
    {"mmhg", "mmhg"},
    {"pound", "lb"},
    {"pounds", "lb"},
    {"lb", "lb"},
    {"lbs", "lb"},
    {"ounce", "oz"},
    {"ounces", "oz"},
    {"oz", "oz"},
    {"cup", "cup"},
    {"cups", "cup"},
    {"tablespoon", "tbsp"},
    {"tablespoons", "tbsp"},
    {"tbsp", "tbsp"},
    {"teaspoon", "tsp"},
    {"teaspoons", "tsp"},
    {"tsp", "tsp"},
    {"gallon", "gallon"},
    {"gallons", "gallon"},
    {"quart", "quart"},
    {"quarts", "quart"},
    {"pint", "pint"},
    {"pints", "pint"},
    {"yard", "yard"},
    {"yards", "yard"},
    {"acre", "acre"},
    {"acres", "acre"},
    {"hectare", "hectare"},
    {"hectares", "hectare"},
    {"mph", "mph"},
    {"decade", "decade"},
    {"decades", "decade"},
    {"century", "century"},
    {"centuries", "century"},
    {"nm", "nm"},
    {"µm", "µm"},
    {"micrometer", "µm"},
    {"micrometers", "µm"},
    {"mmol", "mmol"},
    {"mol", "mol"},
    {"kcal", "kcal"},
    {"calorie", "kcal"},
    {"calories", "kcal"},
    {"kpa", "kpa"},
    {"psi", "psi"},
    {"watt", "watt"},
    {"watts", "watt"},
    {"kilowatt", "kilowatt"},
    {"kilowatts", "kilowatt"},
    {"volt", "volt"},
    {"volts", "volt"},
    {"ton", "ton"},
    {"tons", "ton"},
    {"tonne", "tonne"},
    {"tonnes", "tonne"},
    {"kibibyte", "kib"},
    {"kilobyte", "kb"},
    {"kilobytes", "kb"},
    {"megabyte", "mb"},
    {"megabytes", "mb"},
    {"gigabyte", "gb"},
    {"gigabytes", "gb"},
    {"°c", "°c"},
    {"°f", "°f"},
});
constexpr auto kUnitAdjectives =
    std::to_array<std::string_view>({"additional", "business", "calendar", "consecutive", "extra",
                                     "full", "further", "more", "successive", "whole", "working"});

constexpr auto kOrdinarySuffixes = std::to_array<std::string_view>(
    {"s",   "ed", "ing", "ment", "tion", "sion", "ness", "ance", "ence", "ity",  "ism",
     "age", "er", "or",  "ee",   "ure",  "al",   "ous",  "ive",  "ful",  "ware", "th"});

template <typename Range>
bool In(const Range& range, std::string_view word) {
  return std::find(range.begin(), range.end(), word) != range.end();
}

template <typename Range>
auto Find(const Range& range, std::string_view word) {
  return std::find_if(range.begin(), range.end(),
                      [word](const auto& entry) { return entry.first == word; });
}

std::optional<int> Lookup(const auto& range, std::string_view word) {
  const auto found = Find(range, word);
  if (found == range.end()) return std::nullopt;
  return found->second;
}

}  // namespace

bool IsStopWord(std::string_view word) {
  static_assert(std::is_sorted(kStopWords.begin(), kStopWords.end()));
  return std::binary_search(kStopWords.begin(), kStopWords.end(), word);
}

bool LimitsWhatIsSaid(std::string_view word) {
  constexpr auto kLimits = std::to_array<std::string_view>({
      "although",     "barring",     "but",       "except",
      "excepting",    "excluding",   "however",   "if",
      "lest",         "only",        "other",     "otherwise",
      "provided",     "save",        "solely",    "subject",
      "though",       "unless",      "unlike",    "until",
      "when",         "whenever",    "where",     "whereas",
      "wherever",     "whether",     "while",     "notwithstanding",
      "assuming",     "rarely",      "hardly",    "seldom",
      "less",         "least",       "most",      "may",
      "might",        "could",       "alleged",   "allegedly",
      "reportedly",   "supposedly",  "generally", "usually",
      "typically",    "often",       "sometimes", "mostly",
      "mainly",       "probably",    "possibly",  "partly",
      "occasionally", "potentially", "likely",    "primarily",
      "normally",
  });
  return In(kLimits, word) || NegationOf(word) != Negation::kNone;
}

bool IsWeakQuestionWord(std::string_view word) { return In(kWeakQuestionWords, word); }

Negation NegationOf(std::string_view word) {
  if (In(kForwardNegations, word) || word.ends_with("n't")) return Negation::kForward;
  if (In(kClauseNegations, word)) return Negation::kClause;
  return Negation::kNone;
}

bool IsNegationIdiom(std::string_view next) { return In(kIdiomWords, next); }

Modality ModalityOf(std::string_view word) {
  if (In(kObligations, word)) return Modality::kObligation;
  if (In(kPermissions, word)) return Modality::kPermission;
  if (word == "should" || word == "recommended") return Modality::kAdvice;
  return Modality::kNone;
}

bool Agree(Modality a, Modality b) {
  if (a == b) return true;
  if (a != Modality::kAdvice && b != Modality::kAdvice) return false;
  return a != Modality::kPermission && b != Modality::kPermission;
}

std::optional<int> NumberWord(std::string_view word) { return Lookup(kNumberWords, word); }

std::optional<int> OrdinalWord(std::string_view word) { return Lookup(kOrdinalWords, word); }

double MagnitudeWord(std::string_view word) {
  if (word == "hundred") return 1e2;
  if (word == "thousand") return 1e3;
  if (word == "million") return 1e6;
  if (word == "billion") return 1e9;
  if (word == "trillion") return 1e12;
  return 0;
}

int MonthWord(std::string_view word) { return Lookup(kMonthWords, word).value_or(0); }

std::string_view UnitOf(std::string_view word) {
  const auto found = Find(kUnits, word);
  return found == kUnits.end() ? std::string_view() : found->second;
}

bool IsUnitAdjective(std::string_view word) { return In(kUnitAdjectives, word); }

bool HasOrdinarySuffix(std::string_view word) {
  return std::any_of(kOrdinarySuffixes.begin(), kOrdinarySuffixes.end(),
                     [word](std::string_view suffix) {
                       return word.size() > suffix.size() + 2 && word.ends_with(suffix);
                     });
}

}  // namespace footnote::generator::grounding
