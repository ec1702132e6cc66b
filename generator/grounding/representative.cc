// Choosing the passages that stand for whole documents.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "generator/grounding/evidence.h"
#include "generator/grounding/instructions.h"
#include "generator/grounding/question.h"
#include "generator/grounding/words.h"
#include "generator/summary.h"

namespace footnote::generator {
namespace {

// Of a passage; the more documents, the shorter.
constexpr int kMostWords = 100;
constexpr int kFewestWords = 25;
constexpr int kFewestPassages = 6;
// What a word is worth that a passage chosen before has already.
constexpr double kSaidBefore = 0.25;
// A word of the title or of a heading, and the document's first passage, which tells what it is.
constexpr double kHeadingWeight = 2;
constexpr double kOpeningBonus = 1.5;
// A word of one passage alone says little about the whole.
constexpr double kOnceWeight = 0.3;
constexpr size_t kLongestHeading = 100;  // bytes

struct Window {
  ByteSpan bytes;  // in the source's text
  int words = 0;
  std::set<std::string> stems;
  bool opening = false;
};

struct SourceWords {
  std::vector<Window> windows;
  std::map<std::string, double> weights;
  double total = 0;
};

// Words that say what a text is about: no function words and no numbers.
std::vector<std::string> ContentStems(std::string_view text, int& words) {
  std::vector<std::string> stems;
  for (const grounding::Token& token : grounding::Tokenise(text)) {
    if (token.kind == grounding::TokenKind::kSymbol) continue;
    ++words;
    if (token.kind == grounding::TokenKind::kNumber || grounding::IsStopWord(token.lower)) continue;
    stems.push_back(grounding::Stem(token.lower));
  }
  return stems;
}

// A sentence on its own line, without an end: extracted text has headings in this form.
bool IsHeading(std::string_view sentence) {
  if (sentence.size() > kLongestHeading || sentence.find('\n') != std::string_view::npos) {
    return false;
  }
  const char last = sentence.back();
  return last != '.' && last != ';' && last != ',' && last != '?' && last != ':';
}

SourceWords Read(const SummarySource& source, int window_words) {
  SourceWords result;
  std::set<std::string> headings;
  int unused = 0;
  for (std::string& stem : ContentStems(source.title, unused)) headings.insert(std::move(stem));
  Window window;
  bool prose = false;  // it holds a sentence that can be quoted
  const auto close = [&] {
    if (prose && !window.stems.empty()) {
      window.opening = result.windows.empty();
      result.windows.push_back(std::move(window));
    }
    window = {};
    prose = false;
  };
  for (const ByteSpan& sentence : grounding::UnitsOf(source.text)) {
    const std::string_view text = source.text.substr(sentence.start, sentence.size());
    if (grounding::SpeaksToTheModel(text)) {
      close();
      continue;
    }
    int words = 0;
    const std::vector<std::string> stems = ContentStems(text, words);
    const bool heading = IsHeading(text);
    // A heading begins what stands under it.
    if (window.words > 0 && (heading ? prose : window.words + words > window_words)) close();
    if (heading) headings.insert(stems.begin(), stems.end());
    if (window.words == 0) window.bytes = sentence;
    window.bytes.end = sentence.end;
    window.words += words;
    window.stems.insert(stems.begin(), stems.end());
    prose = prose || (!heading && !grounding::IsFragment(text));
  }
  close();
  std::map<std::string, int> windows_with;
  for (const Window& one : result.windows) {
    for (const std::string& stem : one.stems) ++windows_with[stem];
  }
  for (const auto& [stem, count] : windows_with) {
    double weight = count > 1 ? 1 + std::log(count) : kOnceWeight;
    if (headings.contains(stem)) weight = kHeadingWeight * std::max(1.0, weight);
    result.weights[stem] = weight;
    result.total += weight;
  }
  return result;
}

// What a passage adds to those chosen before, for its length.
double Gain(const Window& window, const std::map<std::string, double>& weights) {
  double sum = 0;
  for (const std::string& stem : window.stems) sum += weights.at(stem);
  return sum * (window.opening ? kOpeningBonus : 1) / std::sqrt(window.words);
}

// The source's next best passage, its words then worth less; nothing when all are chosen or none
// adds anything.
const Window* TakeBest(SourceWords& source, std::set<const Window*>& chosen) {
  const Window* best = nullptr;
  double most = 0;
  for (const Window& window : source.windows) {
    if (chosen.contains(&window)) continue;
    if (const double gain = Gain(window, source.weights); gain > most) {
      most = gain;
      best = &window;
    }
  }
  if (best == nullptr) return nullptr;
  chosen.insert(best);
  return best;
}

double ShareOf(const Window& window, const SourceWords& source) {
  double sum = 0;
  for (const std::string& stem : window.stems) sum += source.weights.at(stem);
  return source.total > 0 ? sum / source.total : 0;
}

}  // namespace

std::vector<Passage> RepresentativePassages(std::span<const SummarySource> sources, int max_words) {
  const int passages = std::max(kFewestPassages, static_cast<int>(sources.size()));
  const int window_words = std::clamp(max_words / passages, kFewestWords, kMostWords);
  std::vector<SourceWords> read;
  for (const SummarySource& source : sources) read.push_back(Read(source, window_words));
  std::vector<std::map<ByteSpan, Passage, bool (*)(const ByteSpan&, const ByteSpan&)>> chosen(
      sources.size(), decltype(chosen)::value_type(
                          [](const ByteSpan& a, const ByteSpan& b) { return a.start < b.start; }));
  std::vector<std::set<const Window*>> taken(sources.size());
  // In turns, so that each document is heard before one is heard twice.
  int words = 0;
  for (bool any = true; any;) {
    any = false;
    for (size_t s = 0; s < sources.size(); ++s) {
      if (words >= max_words && !taken[s].empty()) continue;
      const Window* best = TakeBest(read[s], taken[s]);
      if (best == nullptr) continue;
      if (words > 0 && words + best->words > max_words && taken[s].size() > 1) continue;
      any = true;
      words += best->words;
      Passage passage;
      passage.document_id = sources[s].document_id;
      passage.version = sources[s].version;
      passage.title = sources[s].title;
      passage.score = ShareOf(*best, read[s]);
      passage.span = best->bytes;
      passage.text = std::string(sources[s].text.substr(best->bytes.start, best->bytes.size()));
      for (const std::string& stem : best->stems) read[s].weights[stem] *= kSaidBefore;
      chosen[s].emplace(best->bytes, std::move(passage));
    }
  }
  std::vector<Passage> result;
  for (auto& of_source : chosen) {
    for (auto& [span, passage] : of_source) result.push_back(std::move(passage));
  }
  return result;
}

}  // namespace footnote::generator
