#include "generator/answer_shape.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "common/text/sentences.h"
#include "generator/grounding/claims.h"
#include "generator/grounding/words.h"

namespace footnote::generator {
namespace {

using grounding::Claims;
using grounding::ContentWord;
using grounding::LowerCase;
using grounding::ModalClaim;
using grounding::Modality;
using grounding::Token;
using grounding::TokenKind;

bool In(std::initializer_list<std::string_view> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::vector<Token> Words(std::string_view text) {
  std::vector<Token> words = grounding::Tokenise(text);
  std::erase_if(words, [](const Token& token) { return token.kind == TokenKind::kSymbol; });
  return words;
}

bool BeginsYesNo(std::string_view word) {
  return In({"is", "are", "was", "were", "do", "does", "did", "has", "have", "had", "can", "could",
             "may", "might", "must", "shall", "will", "would", "should"},
            word);
}

// What a question may say beside what it asks.
std::string_view TrimmedSubject(std::string_view text) {
  const auto drop = [](char c) {
    return c == ' ' || c == '?' || c == '.' || c == ',' || c == '"' || c == '\n' || c == '\t';
  };
  while (!text.empty() && drop(text.front())) text.remove_prefix(1);
  while (!text.empty() && drop(text.back())) text.remove_suffix(1);
  for (std::string_view article : {"the ", "The ", "a ", "an "}) {
    if (text.starts_with(article)) return text.substr(article.size());
  }
  return text;
}

// "difference between A and B", "compare A with B", "A versus B", "does A differ from B".
std::vector<std::string> Compared(std::string_view question) {
  const std::string lower = LowerCase(question);
  if (lower.size() != question.size()) return {};  // offsets must be the question's
  struct Form {
    std::string_view before;
    std::initializer_list<std::string_view> between;
  };
  const std::array<Form, 4> forms = {
      {{"between ", {" and "}},
       {"compare ", {" and ", " with ", " to ", " against "}},
       {"does ", {" differ from ", " compare to ", " compare with "}},
       {"do ", {" differ from ", " compare to ", " compare with "}}}};
  const auto split = [&](size_t begin, size_t middle, size_t end) -> std::vector<std::string> {
    const std::string_view first = TrimmedSubject(question.substr(begin, middle - begin));
    const std::string_view second = TrimmedSubject(question.substr(end));
    if (first.empty() || second.empty()) return {};
    return {std::string(first), std::string(second)};
  };
  const bool difference =
      lower.find("differen") != std::string::npos || lower.find("compar") != std::string::npos ||
      lower.find("distinction") != std::string::npos || lower.find("differ ") != std::string::npos;
  if (difference) {
    for (const Form& form : forms) {
      const size_t before = lower.find(form.before);
      if (before == std::string::npos) continue;
      const size_t begin = before + form.before.size();
      for (std::string_view between : form.between) {
        const size_t middle = lower.find(between, begin);
        if (middle != std::string::npos) return split(begin, middle, middle + between.size());
      }
    }
  }
  return {};
}

bool AsksForList(const std::vector<Token>& words) {
  if (words.size() < 3) return false;
  const std::string& first = words[0].lower;
  if (In({"list", "enumerate"}, first)) return true;
  if (first == "name" && In({"the", "all"}, words[1].lower)) return true;
  if (In({"what", "which"}, first)) {
    if (In({"are", "were"}, words[1].lower) && In({"the", "all"}, words[2].lower)) return true;
    // "Which conditions …", "What obligations …": several are asked for.
    return words[1].lower.ends_with('s') && !words[1].lower.ends_with("ss") &&
           !In({"is", "was", "does", "has"}, words[1].lower);
  }
  return false;
}

// Conditions and exceptions: with one of these a sentence settles less than it says.
bool IsCondition(std::string_view word) {
  return In({"if",       "unless",  "except",  "excepting", "excluding", "but",   "only",
             "provided", "until",   "when",    "whenever",  "where",     "while", "whether",
             "without",  "subject", "however", "although",  "though",    "other", "otherwise",
             "assuming", "solely",  "whereas", "save",      "lest",      "some",  "certain",
             "rarely",   "hardly",  "seldom",  "sometimes", "usually",   "often", "generally",
             "normally", "might",   "could",   "allegedly", "reportedly"},
            word);
}

// Places in `claims` of the question's words, in order; nothing when one is missing.
std::optional<std::vector<size_t>> FindInOrder(const std::vector<ContentWord>& asked,
                                               const std::vector<ContentWord>& said) {
  std::vector<size_t> places;
  size_t next = 0;
  for (const ContentWord& word : asked) {
    size_t at = next;
    while (at < said.size() && !(said[at].stem == word.stem ||
                                 (!word.name && !word.number && !said[at].name &&
                                  grounding::StemLikeness(word.stem, said[at].stem) > 0))) {
      ++at;
    }
    if (at == said.size()) return std::nullopt;
    places.push_back(at);
    next = at + 1;
  }
  return places;
}

// The modal that stands nearest before the predicate, if there is one.
const ModalClaim* ModalOf(const Claims& claims, size_t begin, size_t end) {
  const ModalClaim* found = nullptr;
  for (const ModalClaim& modal : claims.modals) {
    if (modal.bytes.start < end && modal.bytes.start >= begin) found = &modal;
  }
  return found;
}

Verdict OfSentence(const Claims& asked, Modality modality, std::string_view sentence,
                   const std::set<std::string>& asked_words) {
  for (const Token& word : Words(sentence)) {
    if (IsCondition(word.lower) && !asked_words.contains(word.lower)) return Verdict::kNone;
  }
  const Claims said = grounding::Analyse(sentence);
  const auto places = FindInOrder(asked.words, said.words);
  if (!places) return Verdict::kNone;
  // Numbers that differ in their unit or bound are not the number asked about.
  for (const grounding::Number& number : asked.numbers) {
    if (number.claimed &&
        std::none_of(said.numbers.begin(), said.numbers.end(),
                     [&](const auto& n) { return grounding::NumberSays(n, number); })) {
      return Verdict::kNone;
    }
  }
  const ContentWord& last = said.words[places->back()];
  const ModalClaim* modal = ModalOf(said, 0, last.bytes.end);
  // Denied: every word of the question behind the denial, the last one among them.
  bool denied = false;
  if (!said.denials.empty()) {
    const uint64_t denial = said.denials.front().start;
    if (said.denials.size() > 1) return Verdict::kNone;
    denied = last.negated;
    for (size_t place : *places) {
      const ContentWord& word = said.words[place];
      if (word.bytes.start > denial && word.negated != denied) return Verdict::kNone;
    }
    if (!denied && last.bytes.start > denial) return Verdict::kNone;
  }
  if (modal != nullptr && modal->negated) denied = true;
  const bool asks_modal = modality != Modality::kNone;
  const Modality found = modal == nullptr ? Modality::kNone : modal->modality;
  if (!asks_modal) {
    // "Does the tenant pay?" is settled by "shall pay", not by "may pay".
    if (found == Modality::kPermission || found == Modality::kAdvice) return Verdict::kNone;
    return denied ? Verdict::kNo : Verdict::kYes;
  }
  if (found == Modality::kNone || found == Modality::kAdvice) return Verdict::kNone;
  if (modality == Modality::kPermission) return denied ? Verdict::kNo : Verdict::kYes;
  // "Must …?": what may be is not what must be; what may not be is not either.
  if (denied) return Verdict::kNo;
  return found == Modality::kObligation ? Verdict::kYes : Verdict::kNone;
}

}  // namespace

ShapedQuestion ReadShape(std::string_view question) {
  ShapedQuestion result;
  const std::vector<Token> words = Words(question);
  if (words.empty()) return result;
  result.subjects = Compared(question);
  if (!result.subjects.empty()) {
    result.shape = AnswerShape::kComparison;
  } else if (BeginsYesNo(words.front().lower)) {
    // "Is it A or B?" asks for a choice.
    const bool choice = std::any_of(words.begin(), words.end(),
                                    [](const Token& word) { return word.lower == "or"; });
    if (!choice) result.shape = AnswerShape::kYesNo;
  } else if (AsksForList(words)) {
    result.shape = AnswerShape::kList;
  }
  return result;
}

Verdict VerdictOf(std::string_view question, std::string_view text) {
  if (ReadShape(question).shape != AnswerShape::kYesNo) return Verdict::kNone;
  const std::vector<Token> words = Words(question);
  const Token& first = words.front();
  const Claims asked = grounding::Analyse(question.substr(first.bytes.end));
  // Of one word almost every sentence says something; what is denied in a question asks two things.
  constexpr size_t kFewestWords = 2;
  if (asked.words.size() < kFewestWords || !asked.denials.empty()) return Verdict::kNone;
  Modality modality = grounding::ModalityOf(first.lower);
  if (modality == Modality::kAdvice || In({"might", "would", "could"}, first.lower)) {
    return Verdict::kNone;
  }
  std::set<std::string> asked_words;
  for (const Token& word : words) asked_words.insert(word.lower);
  Verdict verdict = Verdict::kNone;
  for (const ByteSpan& sentence : SplitSentences(text)) {
    const Verdict one =
        OfSentence(asked, modality, text.substr(sentence.start, sentence.size()), asked_words);
    if (one == Verdict::kNone) continue;
    if (verdict != Verdict::kNone && one != verdict) return Verdict::kNone;
    verdict = one;
  }
  return verdict;
}

std::string_view WithoutVerdict(std::string_view sentence) {
  const std::string lower = LowerCase(sentence.substr(0, 4));
  for (std::string_view word : {"yes", "no"}) {
    if (!lower.starts_with(word)) continue;
    std::string_view rest = sentence.substr(word.size());
    bool marked = rest.empty();  // "No tenant may …" is a sentence of its own
    for (bool more = true; more;) {
      more = false;
      for (std::string_view mark : {",", ".", ":", ";", "!", " - ", "\u2013", "\u2014", " "}) {
        if (!rest.starts_with(mark)) continue;
        rest.remove_prefix(mark.size());
        marked = marked || mark != " ";
        more = true;
      }
    }
    return marked ? rest : sentence;
  }
  return sentence;
}

bool Mentions(std::string_view text, std::string_view subject) {
  const Claims wanted = grounding::Analyse(subject);
  if (wanted.words.empty()) return LowerCase(text).find(LowerCase(subject)) != std::string::npos;
  const Claims has = grounding::Analyse(text);
  size_t found = 0;
  for (const ContentWord& word : wanted.words) {
    found += std::any_of(has.words.begin(), has.words.end(), [&](const ContentWord& other) {
      return other.stem == word.stem ||
             (!word.name && !word.number && grounding::StemLikeness(word.stem, other.stem) > 0);
    });
  }
  constexpr size_t kTenths = 9;
  return 10 * found >= kTenths * wanted.words.size();
}

bool SaysMoreThan(std::string_view text, std::string_view subject) {
  // Content words beside the subject's, and function words: a statement has both, a heading or a
  // row of names hardly any of the second.
  constexpr size_t kFewestWords = 2;
  constexpr std::ptrdiff_t kFewestFunctionWords = 2;
  const Claims named = grounding::Analyse(subject);
  std::set<std::string> more;
  const Claims said = grounding::Analyse(text);
  for (const ContentWord& word : said.words) {
    const bool known =
        std::any_of(named.words.begin(), named.words.end(), [&](const ContentWord& other) {
          return other.stem == word.stem || grounding::StemLikeness(other.stem, word.stem) > 0;
        });
    if (!known && !word.number) more.insert(word.stem);
  }
  return more.size() >= kFewestWords &&
         std::count_if(said.items.begin(), said.items.end(), [](const grounding::Item& item) {
           return item.kind == grounding::ItemKind::kFunction;
         }) >= kFewestFunctionWords;
}

}  // namespace footnote::generator
