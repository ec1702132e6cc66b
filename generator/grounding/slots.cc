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
        return claim.modality == other.modality ? kSameMark : kDifferent;
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
    if (item.kind == ItemKind::kNumber) return Says(item, source_[static_cast<size_t>(partner_[i])]);
    return IsWord(item) && (item.key == Source(partner_[i]).key ||
                            (item.kind == ItemKind::kContent &&
                             StemLikeness(item.key, Source(partner_[i]).key) > 0));
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
    return !Agrees(i) && SamePlace(i, partner_[i]);
  }

  bool NameDiffers(size_t i) const {
    return partner_[i] >= 0 && !Agrees(i) && SamePlace(i, partner_[i]);
  }

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
    const bool denied = head && claims_.items[*head].negated;
    if (partner_[i] >= 0) {
      const Item& other = Source(partner_[i]);
      if (other.modality == item.modality) return false;
      // Denied, "may", "must" and "shall" all forbid.
      const int behind = partner_[i] + 1;
      const bool other_denied =
          other.negated || (behind < static_cast<int>(source_.size()) && Source(behind).negated);
      if (denied && other_denied) return false;
      return SamePlace(i, partner_[i]);
    }
    // "must" of one's own: the source only says that it is so, and does not order it.
    if (item.modality != Modality::kObligation || denied || !head || !Agrees(*head)) return false;
    const int verb = partner_[*head];
    if (verb == 0 || !SamePlace(*head, verb)) return false;
    for (int j = std::max(0, verb - kSourceReach); j < verb; ++j) {
      if (Source(j).modality != Modality::kNone || IsOrder(Source(j))) return false;
    }
    return !IsOrder(Source(verb));
  }

  // "is required", "need to", "have to", "should": it obliges in other words.
  static bool IsOrder(const Item& item) {
    for (std::string_view stem : {"need", "requir", "should", "oblig", "essential", "important",
                                  "necessary", "ought", "have", "has", "will", "ensur"}) {
      if (item.key == stem) return true;
    }
    return false;
  }

  bool DenialIsNew(size_t i) const {
    if (partner_[i] >= 0) return false;
    // What is denied here is said there.
    const std::optional<size_t> head = Head(i);
    if (!head || !Agrees(*head) || !claims_.items[*head].negated) return false;
    return !Source(partner_[*head]).negated && SamePlace(*head, partner_[*head]);
  }

  // What the source denies is said here. The bytes of what is said.
  std::optional<ByteSpan> DenialIsMissing() const {
    for (size_t j = 0; j < source_.size(); ++j) {
      if (source_[j].item->kind != ItemKind::kDenial || claimant_[j] >= 0) continue;
      constexpr size_t kFarthest = 5;
      for (size_t k = j + 1; k < source_.size() && k <= j + kFarthest; ++k) {
        const Item& item = *source_[k].item;
        if (!IsWord(item) || item.key.ends_with("ly")) continue;
        const int claimant = claimant_[k];
        if (!item.negated || claimant < 0) break;
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
