// What stands in the same place of two texts: a number, a name, a denial or a "must" that differs
// where the words around it agree is a contradiction, even if the text holds the number elsewhere.
//
// Threads: any.
#pragma once

#include <span>
#include <vector>

#include "generator/grounding.h"
#include "generator/grounding/claims.h"

namespace footnote::generator::grounding {

// Where `claims` says something else than `source` (a sentence, or two that follow each other) in
// the same place. Both are aligned word by word, in order; only places with agreeing words around
// them count. Cost: the product of both lengths, some 0.05 ms.
std::vector<SupportProblem> Contradictions(const Claims& claims,
                                           std::span<const Claims* const> source);

}  // namespace footnote::generator::grounding
