// Passages that do not say the same of the same.
#include <optional>
#include <utility>

#include "generator/grounding/slots.h"
#include "generator/grounding/support_state.h"

namespace footnote::generator {
namespace {

using grounding::Claims;
using grounding::Comparison;
using Kind = SupportProblem::Kind;

// So much of each sentence, what differs aside, the other must hold: below it they are about
// different things.
constexpr double kSameThing = 0.75;

}  // namespace

const char* ProblemName(SupportProblem::Kind kind) {
  switch (kind) {
    case Kind::kNumber:
      return "number";
    case Kind::kName:
      return "name";
    case Kind::kNegation:
      return "negation";
    case Kind::kModality:
      return "modality";
  }
  return "";
}

std::optional<Kind> SupportScorer::State::Difference(size_t a, size_t b) const {
  const Claims& first = evidence_.units()[a];
  const Claims& second = evidence_.units()[b];
  std::optional<Kind> kind;
  for (const auto& [claims, unit] : {std::pair(&first, b), std::pair(&second, a)}) {
    const Comparison comparison = evidence_.Compare(*claims, spans()[unit]);
    if (comparison.context_alignment < kSameThing || comparison.Has(Kind::kName)) {
      return std::nullopt;
    }
    const Claims* const source[] = {&evidence_.units()[unit]};
    for (const SupportProblem& problem : grounding::Contradictions(*claims, source)) {
      // Other names are other things, not another opinion of the same.
      if (problem.kind == Kind::kName) return std::nullopt;
      if (!kind.has_value()) kind = problem.kind;
    }
  }
  return kind;
}

std::vector<SpanConflict> SupportScorer::Conflicts(std::span<const Support> supports) const {
  const auto units_of = [&](const Support& support) {
    std::vector<size_t> units;
    const uint64_t base = state_->passage(support.passage).span.start;
    for (size_t unit = 0; unit < state_->evidence().units().size(); ++unit) {
      const grounding::EvidenceSpan& span = state_->spans()[unit];
      if (span.passage == support.passage && base + span.bytes.start >= support.span.start &&
          base + span.bytes.end <= support.span.end) {
        units.push_back(unit);
      }
    }
    return units;
  };
  std::vector<SpanConflict> conflicts;
  for (size_t i = 0; i < supports.size(); ++i) {
    for (size_t j = i + 1; j < supports.size(); ++j) {
      if (state_->passage(supports[i].passage).document_id ==
          state_->passage(supports[j].passage).document_id) {
        continue;
      }
      std::optional<Kind> kind;
      for (const size_t a : units_of(supports[i])) {
        for (const size_t b : units_of(supports[j])) {
          if (!kind.has_value()) kind = state_->Difference(a, b);
        }
      }
      if (kind.has_value()) conflicts.push_back({i, j, *kind});
    }
  }
  return conflicts;
}

}  // namespace footnote::generator
