// The passages of the best candidates, each judged once more by the access lists of this moment.
//
// Good chunks that follow each other in a document are one passage: cut apart, the reader would see
// the halves of a clause in two places. So are what several chunks say in the same words
// (boilerplate, copies of a document), at the best of their places; the others fill the list only
// where nothing else does.
#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "retriever/stages/chunks.h"
#include "retriever/stages/stage.h"
#include "retriever/storage/codec.h"
#include "retriever/text/words_alone.h"

namespace footnote::retriever {
namespace {

// Bytes of a list beyond which nothing is joined any more, for each passage that was asked for:
// five are as much text as five windows of 180 words. For those that are still to come, a chunk's
// usual size is kept free.
constexpr uint64_t kTextPerPassage = 1090;
constexpr uint64_t kUsualChunk = 600;
constexpr uint64_t kMostInOne = 2600;
// Candidates that are looked at for something to join, for each passage.
constexpr size_t kJoinDepth = 4;
// The text of a document with more chunks is not read for what lies between two of them.
constexpr uint32_t kMostChunks = 4096;

class PassageList {
 public:
  PassageList(Retrieval& retrieval, const LocalCorpus::Snapshot& now)
      : retrieval_(retrieval),
        now_(now),
        view_(*retrieval.snapshot.view),
        wanted_(static_cast<size_t>(retrieval.request.top_k)),
        passages_(retrieval.result.passages) {
    passages_.clear();
    // So many chunks are not needed to fill the list.
    const size_t rows = retrieval.allowed->count;
    if (!retrieval.leaves_out(kWithoutJoining) && rows > wanted_) most_joined_ = rows - wanted_;
  }

  Status Fill() {
    FOOTNOTE_RETURN_IF_ERROR(Collect());
    if (passages_.size() + repetitions_.size() < wanted_ && joined_ > 0) {
      // Some rows may no longer be shown: without joining there is enough.
      most_joined_ = 0;
      FOOTNOTE_RETURN_IF_ERROR(Collect());
    }
    FOOTNOTE_RETURN_IF_ERROR(Widen());
    retrieval_.distinct = passages_.size() + joined_;
    AddRepetitions();
    return OkStatus();
  }

 private:
  // Where some words stand first.
  struct First {
    size_t passage = 0;   // in passages_
    bool joined = false;  // to what the passage said before
  };

  struct Place {
    const GenerationView::Part& part;
    const LoadedSegment::Document& document;
    uint32_t ordinal = 0;
    uint32_t number = 0;  // of the chunk in the document
    uint32_t row = 0;     // in the segment
  };

  Place PlaceOf(size_t row) const {
    const auto place = view_.Locate(row);
    const GenerationView::Part& part = view_.parts[place.part];
    const uint32_t ordinal = part.segment->DocumentOfRow(place.row);
    const LoadedSegment::Document& document = part.segment->documents[ordinal];
    return {part, document, ordinal, place.row - document.first_row, place.row};
  }

  StatusOr<bool> MayBeShown(const Place& place) const {
    if (place.part.dead[place.ordinal]) return false;
    if (!now_.access->Allows(retrieval_.request.asker, place.document.id)) return false;
    if (now_.newer == nullptr && now_.view == retrieval_.snapshot.view) return true;
    // Deleted or replaced since the view was loaded?
    return retrieval_.corpus.Holds(now_, place.document.id, place.document.version);
  }

  StatusOr<Passage> Read(const Place& place, const Candidate& candidate) const {
    FOOTNOTE_ASSIGN_OR_RETURN(const auto chunk, ReadChunk(retrieval_, candidate.row));
    Passage passage;
    passage.document_id = place.document.id;
    passage.version = place.document.version;
    passage.title = place.document.title;
    passage.chunk_id = place.document.id + "#" + std::to_string(place.number);
    passage.score = candidate.score;
    passage.dense_score = candidate.dense;
    passage.lexical_score = candidate.lexical;
    passage.sentence_score = candidate.sentence;
    passage.span = {chunk.start(), chunk.end()};
    passage.text = chunk.text();
    passage.heading_path.assign(chunk.heading_path().begin(), chunk.heading_path().end());
    passage.clause = chunk.clause();
    passage.page = static_cast<int>(chunk.page());
    return passage;
  }

  Status Collect() {
    passages_.clear();
    rows_.clear();
    at_row_.clear();
    repetitions_.clear();
    bytes_ = 0;
    joined_ = 0;
    std::unordered_map<std::string, First> first_with;  // by words
    for (size_t i = 0; i < retrieval_.ranked.size(); ++i) {
      const bool full = passages_.size() == wanted_;
      const bool may_join = joined_ < most_joined_ && i < kJoinDepth * wanted_;
      if (full && !may_join) break;
      const Candidate& candidate = retrieval_.ranked[i];
      std::optional<size_t> beside;
      if (may_join) beside = PassageBeside(candidate.row);
      if (full && !beside) continue;
      const Place place = PlaceOf(candidate.row);
      FOOTNOTE_ASSIGN_OR_RETURN(const bool shown, MayBeShown(place));
      if (!shown) continue;
      FOOTNOTE_ASSIGN_OR_RETURN(Passage passage, Read(place, candidate));
      std::string words = WordsAlone(passage.text);
      const auto first = words.empty() ? first_with.end() : first_with.find(words);
      const bool is_new = first == first_with.end();
      if (is_new && beside && Join(*beside, candidate.row, passage)) {
        first_with.emplace(std::move(words), First{*beside, /*joined=*/true});
        continue;
      }
      if (full) continue;
      if (is_new) {
        first_with.emplace(std::move(words), First{passages_.size(), /*joined=*/false});
        bytes_ += passage.text.size();
        at_row_[candidate.row] = passages_.size();
        rows_.push_back({candidate.row, candidate.row});
        passages_.push_back(std::move(passage));
      } else {
        // A passage that says more than these words is not said elsewhere.
        if (!first->second.joined) {
          passages_[first->second.passage].also_in.push_back(
              {passage.document_id, passage.version, passage.title, passage.span});
        }
        repetitions_.emplace_back(passages_.size(), std::move(passage));
      }
    }
    return OkStatus();
  }

  // The passage that the row directly follows or precedes, in one document.
  std::optional<size_t> PassageBeside(size_t row) const {
    const Place place = PlaceOf(row);
    if (place.document.chunks > kMostChunks) return std::nullopt;
    if (place.number > 0) {
      if (const auto found = at_row_.find(row - 1); found != at_row_.end()) return found->second;
    }
    if (place.number + 1 < place.document.chunks) {
      if (const auto found = at_row_.find(row + 1); found != at_row_.end()) return found->second;
    }
    return std::nullopt;
  }

  // False: the passage would become too long, or the whole list. What lies between the two comes
  // later, and is nearly nothing.
  bool Join(size_t at, size_t row, const Passage& chunk) {
    Passage& passage = passages_[at];
    const uint64_t start = std::min(passage.span.start, chunk.span.start);
    const uint64_t end = std::max(passage.span.end, chunk.span.end);
    const uint64_t more = (end - start) - (passage.span.end - passage.span.start);
    const uint64_t to_come = kUsualChunk * (wanted_ - passages_.size());
    if (end - start > kMostInOne || bytes_ + more + to_come > kTextPerPassage * wanted_) {
      return false;
    }
    // It begins on the page of what comes first.
    if (chunk.span.start < passage.span.start) passage.page = chunk.page;
    passage.span = {start, end};
    bytes_ += more;
    rows_[at] = {std::min(rows_[at].first, row), std::max(rows_[at].second, row)};
    at_row_[row] = at;
    ++joined_;
    return true;
  }

  // Gives joined passages their text. Those of one document come one after the other only by
  // chance, but there are few.
  Status Widen() {
    std::unordered_map<uint64_t, std::string> texts;  // by part and ordinal
    for (size_t i = 0; i < passages_.size(); ++i) {
      if (rows_[i].first == rows_[i].second) continue;
      const Place place = PlaceOf(rows_[i].first);
      const uint32_t segment = place.part.segment->record.id();
      const auto [text, is_new] =
          texts.try_emplace(uint64_t{segment} << 32 | place.ordinal, std::string());
      if (is_new) {
        FOOTNOTE_ASSIGN_OR_RETURN(auto value, retrieval_.snapshot.store->Get(
                                                  Table::kTexts, RowKey(segment, place.ordinal)));
        if (!value) return AbortedError("the generation was dropped while it was searched");
        text->second = std::move(*value);
      }
      const ByteSpan& span = passages_[i].span;
      if (span.end > text->second.size()) {
        return DataLossError("the text of the document \"" + passages_[i].document_id +
                             "\" is shorter than its chunks say; run `footnote corpus verify`");
      }
      passages_[i].text = text->second.substr(span.start, span.end - span.start);
    }
    return OkStatus();
  }

  void AddRepetitions() {
    if (repetitions_.size() > wanted_ - passages_.size()) {
      repetitions_.resize(wanted_ - passages_.size());
    }
    // From the back, so that the places of those before stay what they are.
    for (auto repetition = repetitions_.rbegin(); repetition != repetitions_.rend(); ++repetition) {
      passages_.insert(passages_.begin() + static_cast<ptrdiff_t>(repetition->first),
                       std::move(repetition->second));
    }
  }

  Retrieval& retrieval_;
  const LocalCorpus::Snapshot& now_;
  const GenerationView& view_;
  const size_t wanted_;
  size_t most_joined_ = 0;
  std::vector<Passage>& passages_;
  std::vector<std::pair<size_t, size_t>> rows_;          // first and last of each passage
  std::unordered_map<size_t, size_t> at_row_;            // row -> place in passages_
  std::vector<std::pair<size_t, Passage>> repetitions_;  // and before which passage each comes
  uint64_t bytes_ = 0;
  size_t joined_ = 0;
};

}  // namespace

Status RunFetchStage(Retrieval& retrieval) {
  FOOTNOTE_ASSIGN_OR_RETURN(const LocalCorpus::Snapshot now, retrieval.corpus.Now());
  return PassageList(retrieval, now).Fill();
}

}  // namespace footnote::retriever
