#include "generator/grounding/phrases.h"

#include <algorithm>

namespace footnote::generator::grounding {
namespace {

// No stem holds it.
constexpr char kJoint = '\n';

std::string Pair(const ContentWord& first, const ContentWord& second) {
  return first.stem + kJoint + second.stem;
}

std::string Triple(const std::vector<std::string>& stems, size_t first) {
  return stems[first] + kJoint + stems[first + 1] + kJoint + stems[first + 2];
}

double Share(size_t part, size_t whole) {
  return whole == 0 ? 1 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

Phrases::Phrases(std::span<const Claims> units, std::span<const Claims> titles) {
  for (std::span<const Claims> texts : {units, titles}) {
    for (const Claims& text : texts) {
      stems_.insert(text.all_stems.begin(), text.all_stems.end());
      for (const ContentWord& word : text.words) stems_.insert(word.stem);
      for (size_t i = 0; i + 1 < text.words.size(); ++i) {
        pairs_.insert(Pair(text.words[i], text.words[i + 1]));
      }
      for (size_t i = 0; i + 2 < text.all_stems.size(); ++i) {
        triples_.insert(Triple(text.all_stems, i));
      }
      numbers_.insert(numbers_.end(), text.numbers.begin(), text.numbers.end());
    }
  }
}

bool Phrases::Holds(const Claims& claims, const ContentWord& word) const {
  return word.number ? Says(claims.numbers[word.number_index]) : stems_.contains(word.stem);
}

bool Phrases::Says(const Number& number) const {
  return std::any_of(numbers_.begin(), numbers_.end(),
                     [&](const Number& said) { return NumberSays(said, number); });
}

double Phrases::Words(const Claims& claims) const {
  size_t found = 0;
  for (const ContentWord& word : claims.words) found += Holds(claims, word) ? 1 : 0;
  return Share(found, claims.words.size());
}

double Phrases::Pairs(const Claims& claims) const {
  if (claims.words.size() < 2) return Words(claims);
  size_t found = 0;
  for (size_t i = 0; i + 1 < claims.words.size(); ++i) {
    found += pairs_.contains(Pair(claims.words[i], claims.words[i + 1])) ? 1 : 0;
  }
  return Share(found, claims.words.size() - 1);
}

double Phrases::Copied(const Claims& claims) const {
  if (claims.all_stems.size() < 3) return Pairs(claims);
  size_t found = 0;
  for (size_t i = 0; i + 2 < claims.all_stems.size(); ++i) {
    found += triples_.contains(Triple(claims.all_stems, i)) ? 1 : 0;
  }
  return Share(found, claims.all_stems.size() - 2);
}

double Phrases::Names(const Claims& claims) const {
  size_t names = 0;
  size_t found = 0;
  for (const ContentWord& word : claims.words) {
    if (!word.name) continue;
    ++names;
    found += Holds(claims, word) ? 1 : 0;
  }
  return Share(found, names);
}

double Phrases::Numbers(const Claims& claims) const {
  size_t numbers = 0;
  size_t found = 0;
  for (const Number& number : claims.numbers) {
    if (!number.claimed) continue;
    ++numbers;
    found += Says(number) ? 1 : 0;
  }
  return Share(found, numbers);
}

}  // namespace footnote::generator::grounding
