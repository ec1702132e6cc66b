#include "server/grounding_check.h"

#include <vector>

#include "common/text/sentences.h"
#include "common/text/utf8.h"
#include "generator/grounding.h"

namespace footnote::server {
namespace {

namespace v1 = ::footnote::v1;

constexpr size_t kMaxTextBytes = 64 * 1024;
constexpr size_t kMaxFactBytes = 1024 * 1024;
constexpr int kMaxFacts = 200;
constexpr int kSourcesPerClaim = 3;
// As Vertex AI's check grounding call has it, which clients of this shape expect.
constexpr double kDefaultThreshold = 0.6;

Status CheckRequest(const v1::CheckGroundingRequest& request) {
  if (request.text().find_first_not_of(" \t\r\n") == std::string::npos) {
    return InvalidArgumentError("the text is empty: set `text` to what shall be checked");
  }
  if (request.text().size() > kMaxTextBytes) {
    return InvalidArgumentError("the text has " + std::to_string(request.text().size()) +
                                " bytes; at most 65536 are checked at once: send parts");
  }
  if (!IsValidUtf8(request.text())) return InvalidArgumentError("the text is not valid UTF-8");
  if (request.facts().empty()) {
    return InvalidArgumentError("there are no facts to check against: set `facts`");
  }
  size_t bytes = 0;
  for (const auto& fact : request.facts()) {
    bytes += fact.text().size();
    if (!IsValidUtf8(fact.text())) {
      return InvalidArgumentError("the fact \"" + ReplaceInvalidUtf8(fact.id()) +
                                  "\" is not valid UTF-8");
    }
  }
  if (request.facts_size() > kMaxFacts || bytes > kMaxFactBytes) {
    return InvalidArgumentError("there are " + std::to_string(request.facts_size()) +
                                " facts with " + std::to_string(bytes) +
                                " bytes; at most 200 with 1 MiB are taken at once");
  }
  const double threshold = request.citation_threshold();
  if (!(threshold >= 0 && threshold <= 1)) {
    return InvalidArgumentError("citation_threshold is " + std::to_string(threshold) +
                                "; it may be 0 to 1");
  }
  return OkStatus();
}

// Facts as passages; a span in one is a span in the fact's text.
std::vector<Passage> PassagesOf(const v1::CheckGroundingRequest& request) {
  std::vector<Passage> passages;
  for (const auto& fact : request.facts()) {
    Passage passage;
    // Facts with the same id, or none, are different texts all the same.
    passage.document_id = std::to_string(passages.size());
    passage.title = fact.title();
    passage.text = fact.text();
    passage.span = {0, fact.text().size()};
    passages.push_back(std::move(passage));
  }
  return passages;
}

void AddProblems(const std::vector<generator::Support>& supports,
                 v1::CheckGroundingResponse::Claim& claim) {
  if (supports.empty()) {
    claim.add_problems("NOT_FOUND");
    return;
  }
  const generator::Support& best = supports.front();
  if (!best.numbers_match) claim.add_problems("NUMBERS");
  if (!best.names_match) claim.add_problems("NAMES");
  if (!best.negation_match) claim.add_problems("NEGATION");
  if (claim.problems().empty()) claim.add_problems("NOT_FOUND");
}

}  // namespace

StatusOr<v1::CheckGroundingResponse> CheckGrounding(const Embedder& embedder,
                                                    const v1::CheckGroundingRequest& request,
                                                    const CallContext& call) {
  FOOTNOTE_RETURN_IF_ERROR(CheckRequest(request));
  const double threshold =
      request.citation_threshold() == 0 ? kDefaultThreshold : request.citation_threshold();
  const std::vector<Passage> passages = PassagesOf(request);
  FOOTNOTE_ASSIGN_OR_RETURN(generator::SupportScorer scorer,
                            generator::SupportScorer::Create(&embedder, passages, call));
  v1::CheckGroundingResponse response;
  double sum = 0;
  for (const ByteSpan& span : SplitSentences(request.text())) {
    const std::string_view sentence =
        std::string_view(request.text()).substr(span.start, span.size());
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<generator::Support> supports,
                              scorer.Score(sentence, kSourcesPerClaim, call));
    v1::CheckGroundingResponse::Claim& claim = *response.add_claims();
    claim.set_start_byte(static_cast<uint32_t>(span.start));
    claim.set_end_byte(static_cast<uint32_t>(span.end));
    claim.set_score(supports.empty() ? 0 : supports.front().score);
    claim.set_supported(claim.score() >= threshold);
    sum += claim.score();
    if (!claim.supported()) AddProblems(supports, claim);
    for (const generator::Support& support : supports) {
      if (support.score < threshold) break;
      v1::CheckGroundingResponse::Source& source = *claim.add_sources();
      source.set_fact_index(static_cast<uint32_t>(support.passage));
      source.set_start_byte(static_cast<uint32_t>(support.span.start));
      source.set_end_byte(static_cast<uint32_t>(support.span.end));
      source.set_quote(
          request.facts(support.passage).text().substr(support.span.start, support.span.size()));
    }
  }
  if (!response.claims().empty()) response.set_support_score(sum / response.claims_size());
  return response;
}

}  // namespace footnote::server
