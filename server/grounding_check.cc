#include "server/grounding_check.h"

#include <algorithm>
#include <string_view>
#include <vector>

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

using Kind = generator::SupportProblem::Kind;

// Names of the fault: in `problems`, in `unsupported_spans`, and for people.
struct FaultNames {
  const char* problem;
  const char* kind;
  const char* reason;
};
FaultNames NamesOf(const generator::SupportProblem& problem) {
  switch (problem.kind) {
    case Kind::kNumber:
      return {"NUMBERS", "NUMBER",
              problem.elsewhere ? "the facts have this number, but not where they speak of this"
                                : "the facts have another number here, or none"};
    case Kind::kName:
      return {"NAMES", "NAME",
              problem.elsewhere ? "the facts have this name, but not where they speak of this"
                                : "the facts have another name here, or none"};
    case Kind::kNegation:
      return {"NEGATION", "NEGATION", "what is said here the facts deny, or the other way round"};
    case Kind::kModality:
      break;
  }
  return {"NEGATION", "MODALITY",
          "the facts oblige where this allows, or allow where this obliges"};
}

void AddSpan(const FaultNames& names, const ByteSpan& bytes,
             v1::CheckGroundingResponse::Claim& claim) {
  v1::CheckGroundingResponse::UnsupportedSpan& span = *claim.add_unsupported_spans();
  span.set_kind(names.kind);
  span.set_start_byte(static_cast<uint32_t>(bytes.start));
  span.set_end_byte(static_cast<uint32_t>(bytes.end));
  span.set_reason(names.reason);
}

void AddProblems(const generator::SentenceSupport& sentence,
                 v1::CheckGroundingResponse::Claim& claim) {
  std::vector<generator::SupportProblem> problems;
  if (!sentence.supports.empty()) problems = sentence.supports.front().problems;
  std::stable_sort(problems.begin(), problems.end(),
                   [](const auto& a, const auto& b) { return a.bytes.start < b.bytes.start; });
  // In the order that clients of `problems` know.
  for (const char* name : {"NUMBERS", "NAMES", "NEGATION"}) {
    if (std::any_of(problems.begin(), problems.end(), [&](const auto& problem) {
          return std::string_view(NamesOf(problem).problem) == name;
        })) {
      claim.add_problems(name);
    }
  }
  for (const generator::SupportProblem& problem : problems) {
    AddSpan(NamesOf(problem),
            {sentence.bytes.start + problem.bytes.start, sentence.bytes.start + problem.bytes.end},
            claim);
  }
  if (!problems.empty()) return;
  claim.add_problems("NOT_FOUND");
  AddSpan({"NOT_FOUND", "SENTENCE",
           sentence.claims ? "too little of this is in the facts"
                           : "this states nothing that facts could support"},
          sentence.bytes, claim);
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
  FOOTNOTE_ASSIGN_OR_RETURN(const generator::TextSupport text,
                            scorer.ScoreText(request.text(), kSourcesPerClaim, call));
  for (const generator::SentenceSupport& sentence : text.sentences) {
    v1::CheckGroundingResponse::Claim& claim = *response.add_claims();
    claim.set_start_byte(static_cast<uint32_t>(sentence.bytes.start));
    claim.set_end_byte(static_cast<uint32_t>(sentence.bytes.end));
    claim.set_score(sentence.score);
    claim.set_supported(claim.score() >= threshold);
    if (!claim.supported()) AddProblems(sentence, claim);
    for (const generator::Support& support : sentence.supports) {
      if (support.score < threshold) break;
      v1::CheckGroundingResponse::Source& source = *claim.add_sources();
      source.set_fact_index(static_cast<uint32_t>(support.passage));
      source.set_start_byte(static_cast<uint32_t>(support.span.start));
      source.set_end_byte(static_cast<uint32_t>(support.span.end));
      source.set_quote(
          request.facts(support.passage).text().substr(support.span.start, support.span.size()));
    }
  }
  response.set_support_score(text.score);
  return response;
}

}  // namespace footnote::server
