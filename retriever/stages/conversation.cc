// What the turns before the question add to it: a follow-up leaves out what both sides know.
//
// The newest answer says best what is being talked about (its rarest words, and its vector: see
// embed.cc), the user's earlier questions a little. Measured on mtragun: docs/quality.md.
#include <algorithm>
#include <set>

#include "retriever/stages/stage.h"

namespace footnote::retriever {
namespace {

constexpr size_t kAnswerTerms = 20;
constexpr double kAnswerWeight = 0.2;
constexpr size_t kQuestionTerms = 10;
constexpr double kQuestionWeight = 0.1;
// Of a turn; what comes behind is not read.
constexpr size_t kMaxTurnBytes = 8192;

// The `count` terms of `text` that fewest visible rows hold, without those in `known`, to which
// they are added. Terms that no row holds say nothing.
Status AddRarest(Retrieval& retrieval, std::string_view text, size_t count, double weight,
                 std::set<std::string>& known) {
  std::vector<std::pair<size_t, std::string>> terms;
  const LexicalSource source = SourceOf(retrieval);
  PostingsCache::Reader reader(source.postings);
  std::set<std::string> seen;
  for (std::string& term : retrieval.corpus.analyzer().Terms(text.substr(0, kMaxTurnBytes))) {
    if (known.contains(term) || !seen.insert(term).second) continue;
    FOOTNOTE_ASSIGN_OR_RETURN(const size_t rows, CountRows(source, reader, term));
    if (rows > 0) terms.emplace_back(rows, std::move(term));
  }
  std::sort(terms.begin(), terms.end());
  if (terms.size() > count) terms.resize(count);
  for (auto& [rows, term] : terms) {
    retrieval.query_terms.push_back({term, weight});
    known.insert(std::move(term));
  }
  return OkStatus();
}

}  // namespace

std::string_view LastAnswer(const RetrievalRequest& request) {
  for (auto turn = request.history.rbegin(); turn != request.history.rend(); ++turn) {
    if (turn->role == "assistant") return std::string_view(turn->content).substr(0, kMaxTurnBytes);
  }
  return {};
}

Status RunConversationStage(Retrieval& retrieval) {
  const RetrievalRequest& request = retrieval.request;
  if (!retrieval.uses_lexical() || !retrieval.uses_history()) return OkStatus();
  std::set<std::string> known;
  // The question's own words too count once more where the answer repeats them.
  FOOTNOTE_RETURN_IF_ERROR(
      AddRarest(retrieval, LastAnswer(request), kAnswerTerms, kAnswerWeight, known));
  std::string questions;
  for (const ConversationTurn& turn : request.history) {
    if (turn.role == "user") questions += turn.content.substr(0, kMaxTurnBytes) + "\n";
  }
  return AddRarest(retrieval, questions, kQuestionTerms, kQuestionWeight, known);
}

}  // namespace footnote::retriever
