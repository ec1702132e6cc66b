// Word lists of the support scorer: English function words, negations, modals, numbers, units.
//
// Closed classes only: words whose list can be complete. Everything takes lower-case words.
#pragma once

#include <optional>
#include <string_view>

namespace footnote::generator::grounding {

// Articles, pronouns, prepositions, auxiliaries, question words: carry no claim of their own.
bool IsStopWord(std::string_view word);

// Content words that say little in a question ("difference", "mean", "use"): weighed less there.
bool IsWeakQuestionWord(std::string_view word);

// Lower-case words by which a text says less than it would without them: conditions, exceptions,
// denials. What holds one may not be cut away.
bool LimitsWhatIsSaid(std::string_view word);

// How a word denies.
enum class Negation {
  kNone,
  kForward,  // what follows in its clause: "not", "without", "unless"
  kClause,   // its whole clause: "prohibited"
};
Negation NegationOf(std::string_view word);

// True when `next` after a negation makes an idiom that denies nothing: "not only", "no later
// than".
bool IsNegationIdiom(std::string_view next);

// Advice ("should") is no permission, and otherwise agrees with anything.
enum class Modality { kNone, kObligation, kPermission, kAdvice };
bool Agree(Modality a, Modality b);
Modality ModalityOf(std::string_view word);

// "five" → 5, "twenty" → 20; not "one", which is mostly a pronoun.
std::optional<int> NumberWord(std::string_view word);
// "first" → 1 … "tenth" → 10.
std::optional<int> OrdinalWord(std::string_view word);
// "hundred" → 100, "million" → 1e6; 0 for other words.
double MagnitudeWord(std::string_view word);
// "january", "jan" → 1 …; 0 for other words.
int MonthWord(std::string_view word);

// Canonical unit of a word or symbol: "percent", "%" → "%"; "hrs" → "hour". Empty for other words.
std::string_view UnitOf(std::string_view word);
// Words that stand between a number and its unit: "30 calendar days".
bool IsUnitAdjective(std::string_view word);

// Everyday words that also occur capitalised: forms of address and the like never count as names.
bool HasOrdinarySuffix(std::string_view word);

}  // namespace footnote::generator::grounding
