// The head of the list so that it does not say one thing many times: maximal marginal relevance
// (Carbonell and Goldstein 1998, "The Use of MMR, Diversity-Based Reranking"). Taken is, one after
// the other, what has most of
//
//   (1 - diversity) * score - diversity * likeness to the most alike of those taken
//
// Both are stretched over the head to 0…1, or else `diversity` would mean another thing for each
// fusion (BM25 has no upper end, reciprocal ranks end at 1/30) and each embedder (unrelated texts:
// a cosine of 0.0 for one, 0.7 for another): a score's 0 is the worst and 1 the best of the head, a
// likeness's 0 the lowest cosine between two of the head and 1 that of equal vectors.
//
// - What holds more of the quoted phrases and names stays before what holds fewer, as lead put it.
// - What says the same in the same words is taken together, so that fetch finds all its places.
// - What has no vector yet is as alike as the rest is on average, which moves it neither way.
// - Behind the head everything stays. Ties go to what stood first.
#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>
#include <vector>

#include "retriever/stages/chunks.h"
#include "retriever/stages/stage.h"
#include "retriever/text/words_alone.h"

namespace footnote::retriever {
namespace {

// Chunks and vectors of all of them are read, and all pairs compared: a few milliseconds.
constexpr size_t kHead = 128;
// Cosines that lie closer together than this tell nothing: vectors are stored as halves.
constexpr float kLeastSpread = 1e-3F;

// Candidates that say the same.
struct Statement {
  std::vector<Candidate> candidates;  // best first
  size_t held = 0;                    // exact texts
  std::vector<float> vector = {};     // of unit length; empty: there is none
  double score = 0;                   // stretched
  double likeness = 0;                // to the most alike of those taken
};

// In lanes, so that the compiler can keep them in one register.
float Product(const std::vector<float>& a, const std::vector<float>& b) {
  constexpr size_t kLanes = 16;
  float lanes[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= a.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += a[i + lane] * b[i + lane];
  }
  float sum = 0;
  for (; i < a.size(); ++i) sum += a[i] * b[i];
  for (const float lane : lanes) sum += lane;
  return sum;
}

StatusOr<std::string> ReadWords(const Retrieval& retrieval, size_t row) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto chunk, ReadChunk(retrieval, row));
  return WordsAlone(chunk.text());
}

StatusOr<std::vector<Statement>> Statements(const Retrieval& retrieval, size_t count) {
  std::vector<Statement> statements;
  std::unordered_map<std::string, size_t> first_with;  // by exact texts held, and words
  for (const Candidate& candidate : std::span(retrieval.ranked).first(count)) {
    const size_t held = ExactTextsHeld(retrieval, candidate);
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string words, ReadWords(retrieval, candidate.row));
    if (!words.empty()) {
      const auto [known, is_new] =
          first_with.try_emplace(std::to_string(held) + " " + words, statements.size());
      if (!is_new) {
        statements[known->second].candidates.push_back(candidate);
        continue;
      }
    }
    statements.push_back({{candidate}, held});
  }
  return statements;
}

Status ReadVectors(const Retrieval& retrieval, std::vector<Statement>& statements) {
  const GenerationView& view = *retrieval.snapshot.view;
  std::vector<std::vector<uint32_t>> rows(view.parts.size());
  std::vector<std::vector<Statement*>> owners(view.parts.size());
  for (Statement& statement : statements) {
    const auto place = view.Locate(statement.candidates[0].row);
    if (view.parts[place.part].segment->vectors == nullptr) continue;
    rows[place.part].push_back(place.row);
    owners[place.part].push_back(&statement);
  }
  const auto width = static_cast<ptrdiff_t>(view.embedder.width());
  for (size_t p = 0; p < rows.size(); ++p) {
    if (rows[p].empty()) continue;
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<float> vectors, VectorsOf(retrieval, p, rows[p]));
    auto next = vectors.begin();
    for (Statement* owner : owners[p]) {
      owner->vector.assign(next, next + width);
      next += width;
      // Of a length of nothing there is no direction: then everything is as unlike it as can be.
      const float length = std::sqrt(Product(owner->vector, owner->vector));
      for (float& value : owner->vector) value = length > 0 ? value / length : 0;
    }
  }
  return OkStatus();
}

// By the widest range among those that hold equally many exact texts: others are not compared.
void StretchScores(std::vector<Statement>& statements) {
  double range = 0;
  size_t first = 0;
  for (size_t i = 0; i < statements.size(); ++i) {
    if (statements[i].held != statements[first].held) first = i;
    statements[i].score = statements[i].candidates[0].score;
    range = std::max(range, statements[first].score - statements[i].score);
  }
  for (Statement& statement : statements) statement.score = range > 0 ? statement.score / range : 0;
}

// Of all pairs: [n, n], stretched; 0 where one of the two has no vector.
std::vector<float> Likenesses(const std::vector<Statement>& statements) {
  const size_t n = statements.size();
  std::vector<float> likenesses(n * n, 0);
  float lowest = 1;
  const auto for_each_pair = [&](const auto& visit) {
    for (size_t a = 0; a < n; ++a) {
      for (size_t b = a + 1; b < n; ++b) {
        if (!statements[a].vector.empty() && !statements[b].vector.empty()) visit(a, b);
      }
    }
  };
  for_each_pair([&](size_t a, size_t b) {
    likenesses[a * n + b] = Product(statements[a].vector, statements[b].vector);
    lowest = std::min(lowest, likenesses[a * n + b]);
  });
  const float spread = 1 - lowest;
  for_each_pair([&](size_t a, size_t b) {
    const float stretched =
        spread > kLeastSpread ? (likenesses[a * n + b] - lowest) / spread : 0.0F;
    likenesses[a * n + b] = likenesses[b * n + a] = stretched;
  });
  return likenesses;
}

// Places in `statements`, in the order in which they are taken.
std::vector<size_t> Order(std::vector<Statement>& statements, double diversity) {
  const std::vector<float> likenesses = Likenesses(statements);
  std::vector<size_t> left(statements.size());
  for (size_t i = 0; i < left.size(); ++i) left[i] = i;
  std::vector<size_t> order;
  while (!left.empty()) {
    // They come group by group.
    const size_t held = statements[left[0]].held;
    double sum = 0;
    size_t embedded = 0;
    for (const size_t i : left) {
      if (statements[i].held != held || statements[i].vector.empty()) continue;
      sum += statements[i].likeness;
      ++embedded;
    }
    const double mean = embedded > 0 ? sum / static_cast<double>(embedded) : 0;
    size_t best = 0;
    double most = 0;
    for (size_t at = 0; at < left.size() && statements[left[at]].held == held; ++at) {
      const Statement& one = statements[left[at]];
      const double value =
          (1 - diversity) * one.score - diversity * (one.vector.empty() ? mean : one.likeness);
      if (at == 0 || value > most) {
        best = at;
        most = value;
      }
    }
    const size_t taken = left[best];
    order.push_back(taken);
    left.erase(left.begin() + static_cast<ptrdiff_t>(best));
    for (const size_t i : left) {
      statements[i].likeness =
          std::max(statements[i].likeness, double{likenesses[taken * statements.size() + i]});
    }
  }
  return order;
}

}  // namespace

Status RunMarginalRelevanceStage(Retrieval& retrieval) {
  if (retrieval.request.diversity <= 0) return OkStatus();
  const size_t count = std::min(kHead, retrieval.ranked.size());
  FOOTNOTE_ASSIGN_OR_RETURN(std::vector<Statement> statements, Statements(retrieval, count));
  FOOTNOTE_RETURN_IF_ERROR(ReadVectors(retrieval, statements));
  StretchScores(statements);
  size_t next = 0;
  for (const size_t i : Order(statements, retrieval.request.diversity)) {
    for (const Candidate& candidate : statements[i].candidates) {
      retrieval.ranked[next++] = candidate;
    }
  }
  return OkStatus();
}

}  // namespace footnote::retriever
