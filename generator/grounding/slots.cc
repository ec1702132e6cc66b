#include "generator/grounding/slots.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

namespace footnote::generator::grounding {
namespace {

using Kind = SupportProblem::Kind;

// What it is worth to lay two words on each other. Different numbers, names and modals may share a
// place, for little: they are what is looked for.
constexpr int kSameName = 5;
constexpr int kSameContent = 4;
constexpr int kSameFamily = 3;
constexpr int kSameMark = 2;  // both deny, both oblige, both allow
constexpr int kOppositeContent = 2;
constexpr int kSameFunction = 1;
constexpr int kDifferent = 1;

// Words on either side that are looked at, in the claim and in the source, and how many of them
// must agree.
constexpr int kClaimReach = 4;
constexpr int kSourceReach = 7;
constexpr int kAgreeing = 2;
// Words behind a denial in which what it denies is looked for.
constexpr size_t kDeniedReach = 6;
// Words behind and before "must" in which what it orders is looked for.
constexpr size_t kOrderReach = 8;
constexpr size_t kOrderReachBack = 5;

bool IsWord(const Item& item) {
  return item.kind == ItemKind::kContent || item.kind == ItemKind::kName;
}

class Alignment {
 public:
  Alignment(const Claims& claims, std::span<const Claims* const> source) : claims_(claims) {
    for (const Claims* part : source) {
      for (const Item& item : part->items) source_.push_back({&item, part});
    }
    Align();
  }

  std::vector<SupportProblem> Contradictions() const {
    std::vector<SupportProblem> problems;
    for (size_t i = 0; i < claims_.items.size(); ++i) {
      const Item& item = claims_.items[i];
      switch (item.kind) {
        case ItemKind::kNumber:
          if (NumberDiffers(i)) problems.push_back({Kind::kNumber, item.bytes});
          break;
        case ItemKind::kName:
          if (NameDiffers(i)) problems.push_back({Kind::kName, item.bytes});
          break;
        case ItemKind::kModal:
          if (ModalDiffers(i)) problems.push_back({Kind::kModality, item.bytes});
          break;
        case ItemKind::kDenial:
          if (DenialIsNew(i)) problems.push_back({Kind::kNegation, item.bytes});
          break;
        case ItemKind::kContent:
          if (OppositeIsSaid(i)) problems.push_back({Kind::kNegation, item.bytes});
          break;
        case ItemKind::kFunction:
          break;
      }
    }
    if (const auto bytes = DenialIsMissing()) problems.push_back({Kind::kNegation, *bytes});
    return problems;
  }

 private:
  struct SourceItem {
    const Item* item;
    const Claims* of;
  };

  int Worth(const Item& claim, const SourceItem& source) const {
    const Item& other = *source.item;
    const bool both_words = IsWord(claim) && IsWord(other);
    if (claim.kind != other.kind && !both_words) return 0;
    switch (claim.kind) {
      case ItemKind::kNumber:
        return Says(claim, source) ? kSameName : kDifferent;
      case ItemKind::kModal:
        return Agree(claim.modality, other.modality) ? kSameMark : kDifferent;
      case ItemKind::kDenial:
        return kSameMark;
      case ItemKind::kFunction:
        return claim.key == other.key ? kSameFunction : 0;
      case ItemKind::kName:
      case ItemKind::kContent:
        break;
    }
    if (claim.key == other.key) {
      return claim.kind == ItemKind::kName ? kSameName : kSameContent;
    }
    if (claim.kind == ItemKind::kName && NamesOfOneFamily(claim.key, other.key)) return kSameFamily;
    if (claim.kind == ItemKind::kName) return other.kind == ItemKind::kName ? kDifferent : 0;
    if (AreOpposites(claim.key, other.key)) return kOppositeContent;
    return StemLikeness(claim.key, other.key) > 0 ? kSameFamily : 0;
  }

  bool Says(const Item& claim, const SourceItem& source) const {
    return NumberSays(source.of->numbers[source.item->number_index],
                      claims_.numbers[claim.number_index]);
  }

  // The alignment of the greatest worth, in order.
  void Align() {
    const size_t rows = claims_.items.size();
    const size_t columns = source_.size();
    partner_.assign(rows, -1);
    claimant_.assign(columns, -1);
    std::vector<int> best((rows + 1) * (columns + 1), 0);
    const auto at = [&](size_t i, size_t j) -> int& { return best[i * (columns + 1) + j]; };
    for (size_t i = rows; i-- > 0;) {
      for (size_t j = columns; j-- > 0;) {
        const int worth = Worth(claims_.items[i], source_[j]);
        at(i, j) = std::max(at(i + 1, j), at(i, j + 1));
        if (worth > 0) at(i, j) = std::max(at(i, j), worth + at(i + 1, j + 1));
      }
    }
    for (size_t i = 0, j = 0; i < rows && j < columns;) {
      const int worth = Worth(claims_.items[i], source_[j]);
      if (worth > 0 && at(i, j) == worth + at(i + 1, j + 1)) {
        partner_[i] = static_cast<int>(j);
        claimant_[j] = static_cast<int>(i);
        ++i;
        ++j;
      } else if (at(i, j) == at(i + 1, j)) {
        ++i;
      } else {
        ++j;
      }
    }
  }

  const Item& Source(int j) const { return *source_[static_cast<size_t>(j)].item; }

  // The same word on both sides, not merely in the same place.
  bool Agrees(size_t i) const {
    if (partner_[i] < 0) return false;
    const Item& item = claims_.items[i];
    if (item.kind == ItemKind::kNumber)
      return Says(item, source_[static_cast<size_t>(partner_[i])]);
    if (!IsWord(item)) return false;
    const std::string& other = Source(partner_[i]).key;
    return item.key == other || (item.kind == ItemKind::kName ? NamesOfOneFamily(item.key, other)
                                                              : StemLikeness(item.key, other) > 0);
  }

  // Whether the words around claim item `i` and source item `j` are the same.
  bool SamePlace(size_t i, int j) const {
    int agreeing = 0;
    int words = 0;
    const int items = static_cast<int>(claims_.items.size());
    int reach_left = kClaimReach;
    for (int k = static_cast<int>(i) - 1; k >= 0 && reach_left > 0; --k) {
      agreeing += AgreesNear(k, j, words, reach_left);
    }
    int reach_right = kClaimReach;
    for (int k = static_cast<int>(i) + 1; k < items && reach_right > 0; ++k) {
      agreeing += AgreesNear(k, j, words, reach_right);
    }
    return agreeing >= std::min(kAgreeing, std::max(1, words)) && 2 * agreeing >= words;
  }

  int AgreesNear(int k, int j, int& words, int& reach) const {
    const Item& item = claims_.items[static_cast<size_t>(k)];
    if (!IsWord(item) && item.kind != ItemKind::kNumber) return 0;
    --reach;
    ++words;
    const int partner = partner_[static_cast<size_t>(k)];
    return Agrees(static_cast<size_t>(k)) && std::abs(partner - j) <= 2 * kSourceReach ? 1 : 0;
  }

  bool NumberDiffers(size_t i) const {
    const Item& item = claims_.items[i];
    if (!claims_.numbers[item.number_index].claimed || partner_[i] < 0) return false;
    return StandsForAnother(i);
  }

  // In the place of claim item `i` the source has another number or name.
  bool StandsForAnother(size_t i) const {
    if (!Agrees(i)) return SamePlace(i, partner_[i]) && !FitsElsewhere(i);
    const std::optional<int> passed_over = PassedOver(i);
    return passed_over && SamePlace(i, *passed_over);
  }

  // The source has the same number or name among the same words, in another order than here.
  bool FitsElsewhere(size_t i) const {
    for (size_t j = 0; j < source_.size(); ++j) {
      const Item& item = *source_[j].item;
      if (item.kind != claims_.items[i].kind || Worth(claims_.items[i], source_[j]) < kSameName) {
        continue;
      }
      const int claimant = claimant_[j];
      if (claimant >= 0 && claimant != static_cast<int>(i) &&
          Agrees(static_cast<size_t>(claimant))) {
        continue;  // it says another word of the claim
      }
      int shared = 0;
      for (int k = static_cast<int>(i) - kClaimReach; k <= static_cast<int>(i) + kClaimReach; ++k) {
        if (k < 0 || k >= static_cast<int>(claims_.items.size()) || k == static_cast<int>(i))
          continue;
        const Item& beside = claims_.items[static_cast<size_t>(k)];
        if (!IsWord(beside)) continue;
        for (int l = static_cast<int>(j) - kClaimReach; l <= static_cast<int>(j) + kClaimReach;
             ++l) {
          if (l < 0 || l >= static_cast<int>(source_.size())) continue;
          if (!IsWord(Source(l)) || Source(l).key != beside.key) continue;
          // At the same distance it is worth two.
          shared += k - static_cast<int>(i) == l - static_cast<int>(j) ? 2 : 1;
        }
      }
      if (shared >= kAgreeing) return true;
    }
    return false;
  }

  // A number or name of the source right behind the word that stands before claim item `i`, where
  // the same as `i` was found only farther on.
  std::optional<int> PassedOver(size_t i) const {
    size_t before = i;
    while (before > 0 && partner_[before - 1] < 0) --before;
    if (before == 0) return std::nullopt;
    const int start = partner_[before - 1];
    const int nearest = start + static_cast<int>(i - before) + 2;
    int words = 0;
    for (int j = start + 1; j < partner_[i]; ++j) {
      const Item& item = Source(j);
      words += IsWord(item) ? 1 : 0;
      if (j > nearest || words > 1) return std::nullopt;
      if (claimant_[static_cast<size_t>(j)] < 0 && item.kind == claims_.items[i].kind &&
          item.key != claims_.items[i].key && partner_[i] - j > kSourceReach / 2) {
        return j;
      }
    }
    return std::nullopt;
  }

  bool NameDiffers(size_t i) const { return partner_[i] >= 0 && StandsForAnother(i); }

  // The content word that a modal or a denial is about: the next one, not far.
  std::optional<size_t> Head(size_t i) const {
    constexpr size_t kFarthest = 5;
    for (size_t k = i + 1; k < claims_.items.size() && k <= i + kFarthest; ++k) {
      const Item& item = claims_.items[k];
      if (IsWord(item) && !item.key.ends_with("ly")) return k;
      if (item.kind == ItemKind::kModal) return std::nullopt;
    }
    return std::nullopt;
  }

  bool ModalDiffers(size_t i) const {
    const Item& item = claims_.items[i];
    const std::optional<size_t> head = Head(i);
    const bool denied = item.negated;
    if (partner_[i] >= 0) {
      const Item& other = Source(partner_[i]);
      if (Agree(other.modality, item.modality)) return false;
      // Denied, "may", "must" and "shall" all forbid.
      if (denied && other.negated) return false;
      if (SamePlace(i, partner_[i])) return true;
    }
    // "must" of one's own, as a denial needs a source that denies: this one only says that it is so
    // or may be so, and does not order it.
    if (item.modality != Modality::kObligation || denied || !head || !SpeakOfTheSame())
      return false;
    // "Bake for 30 minutes" is an order: the verb begins it.
    if (partner_[*head] >= 0 && BeginsClause(partner_[*head])) return false;
    return !IsOrdered(*head);
  }

  // The source obliges to what claim item `head` says; where it does not have that word, to what
  // stands beside it.
  bool IsOrdered(size_t head) const {
    std::vector<int> said;
    if (Agrees(head)) {
      said.push_back(partner_[head]);
    } else {
      const size_t end = std::min(claims_.items.size(), head + kOrderReachBack);
      for (size_t i = head < kOrderReach ? 0 : head - kOrderReach; i < end; ++i) {
        if (IsWord(claims_.items[i]) && Agrees(i)) said.push_back(partner_[i]);
      }
    }
    for (size_t j = 0; j < source_.size(); ++j) {
      const Item& item = *source_[j].item;
      if (item.modality != Modality::kObligation && item.modality != Modality::kAdvice &&
          !IsOrder(item)) {
        continue;
      }
      for (size_t k = j < kOrderReachBack ? 0 : j - kOrderReachBack;
           k < source_.size() && k <= j + kOrderReach; ++k) {
        if (std::any_of(said.begin(), said.end(), [&](int word) {
              return Source(static_cast<int>(k)).key == Source(word).key;
            })) {
          return true;
        }
      }
    }
    return false;
  }

  // Enough of the claim's words stand in the source, in its order.
  bool SpeakOfTheSame() const {
    size_t words = 0;
    size_t agreeing = 0;
    for (size_t i = 0; i < claims_.items.size(); ++i) {
      if (!IsWord(claims_.items[i])) continue;
      ++words;
      agreeing += Agrees(i) ? 1 : 0;
    }
    return 5 * agreeing >= 2 * words && agreeing > 0;
  }

  // The first word of a sentence, or one behind "then", "and", "or".
  bool BeginsClause(int j) const {
    if (j == 0 || source_[static_cast<size_t>(j - 1)].of != source_[static_cast<size_t>(j)].of) {
      return true;
    }
    const std::string& before = Source(j - 1).key;
    return before == "then" || before == "and" || before == "or";
  }

  // "is required", "need to", "it is important to": it obliges in other words.
  static bool IsOrder(const Item& item) {
    for (std::string_view stem : {"need", "requir", "oblig", "essential", "important", "necessary",
                                  "ought", "ensur", "mandatory"}) {
      if (item.key == stem) return true;
    }
    return false;
  }

  bool DenialIsNew(size_t i) const {
    if (partner_[i] >= 0) return false;
    if (DeniesTwice(i)) return true;
    // What is denied here is said there.
    for (std::optional<size_t> head = Head(i); head && *head <= i + kDeniedReach;
         head = Head(*head)) {
      if (!claims_.items[*head].negated) return false;
      if (claims_.items[*head].kind == ItemKind::kName || !Agrees(*head)) continue;
      return !Source(partner_[*head]).negated && SamePlace(*head, partner_[*head]);
    }
    return false;
  }

  // "Nothing … never requires" of "nothing … requires": the source's denials have their partners,
  // and this one stands between words that follow each other there.
  bool DeniesTwice(size_t i) const {
    const std::optional<size_t> head = Head(i);
    if (!head || !Agrees(*head) || !Source(partner_[*head]).negated) return false;
    const int denied = partner_[*head];
    bool heard = false;
    for (int j = std::max(0, denied - kSourceReach); j < denied; ++j) {
      if (Source(j).kind != ItemKind::kDenial) continue;
      if (claimant_[static_cast<size_t>(j)] < 0) return false;  // said by this one, perhaps
      heard = true;
    }
    return heard && SamePlace(*head, denied);
  }

  // What the source denies is said here. The bytes of what is said.
  std::optional<ByteSpan> DenialIsMissing() const {
    for (size_t j = 0; j < source_.size(); ++j) {
      if (source_[j].item->kind != ItemKind::kDenial || claimant_[j] >= 0) continue;
      for (size_t k = j + 1; k < source_.size() && k <= j + kDeniedReach; ++k) {
        const Item& item = *source_[k].item;
        if (item.kind != ItemKind::kContent || item.key.ends_with("ly")) continue;
        if (!item.negated) break;
        const int claimant = claimant_[k];
        if (claimant < 0) continue;
        const size_t i = static_cast<size_t>(claimant);
        if (Agrees(i) && !claims_.items[i].negated && SamePlace(i, static_cast<int>(k))) {
          return claims_.items[i].bytes;
        }
        break;
      }
    }
    return std::nullopt;
  }

  bool OppositeIsSaid(size_t i) const {
    if (partner_[i] < 0) return false;
    const Item& other = Source(partner_[i]);
    return AreOpposites(claims_.items[i].key, other.key) &&
           claims_.items[i].negated == other.negated && SamePlace(i, partner_[i]);
  }

  const Claims& claims_;
  std::vector<SourceItem> source_;
  std::vector<int> partner_;   // [claim items]: source item, -1 none
  std::vector<int> claimant_;  // [source items]: claim item, -1 none
};

}  // namespace

std::vector<SupportProblem> Contradictions(const Claims& claims,
                                           std::span<const Claims* const> source) {
  return Alignment(claims, source).Contradictions();
}

}  // namespace footnote::generator::grounding
