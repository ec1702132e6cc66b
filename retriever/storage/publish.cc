// LocalWriter::Publish: what is staged, and small or half-dead segments, become one new segment.
#include <algorithm>
#include <ctime>
#include <set>
#include <utility>

#include "retriever/storage/local_writer.h"
#include "retriever/storage/publish_plan.h"
#include "retriever/storage/segment.h"

namespace footnote::retriever {

StatusOr<LocalWriter::Plan> LocalWriter::MakePlan() {
  Plan plan;
  std::map<uint32_t, std::set<uint32_t>> dead;  // by segment
  FOOTNOTE_RETURN_IF_ERROR(
      ForEachStaged([&](const std::string& id, const records::StagedHeader& header) {
        ++plan.staged;
        if (const auto published = published_.find(id); published != published_.end()) {
          dead[published->second.segment].insert(published->second.ordinal);
        }
        if (header.deletion()) {
          plan.deleted.insert(id);
        } else {
          plan.sources.push_back({id, /*staged=*/true, !header.without_vectors()});
        }
      }));
  std::map<uint32_t, Plan::Kept*> by_segment;
  plan.segments.reserve(static_cast<size_t>(current_.segments_size()));
  for (const records::SegmentUse& use : current_.segments()) {
    std::set<uint32_t>& gone = dead[use.segment().id()];
    gone.insert(use.tombstones().begin(), use.tombstones().end());
    Plan::Kept kept;
    *kept.use.mutable_segment() = use.segment();
    for (uint32_t ordinal : gone) kept.use.add_tombstones(ordinal);
    plan.segments.push_back(std::move(kept));
    by_segment[use.segment().id()] = &plan.segments.back();
  }
  for (const auto& [id, document] : published_) {
    if (dead[document.segment].contains(document.ordinal)) continue;
    Plan::Kept& kept = *by_segment[document.segment];
    kept.live_rows += document.chunks;
    kept.live_documents += 1;
  }
  std::erase_if(plan.segments, [](const Plan::Kept& kept) { return kept.live_documents == 0; });
  ChooseMerges(plan);
  const auto merges = [&](uint32_t segment) {
    return std::any_of(plan.segments.begin(), plan.segments.end(), [&](const Plan::Kept& kept) {
      return kept.merge && kept.use.segment().id() == segment;
    });
  };
  for (const auto& [id, document] : published_) {
    if (dead[document.segment].contains(document.ordinal) || !merges(document.segment)) continue;
    plan.sources.push_back(
        {id, /*staged=*/false, document.embedded, document.segment, document.ordinal});
  }
  std::erase_if(plan.segments, [](const Plan::Kept& kept) { return kept.merge; });
  // By id: a segment's content does not depend on the order in which documents were staged, nor on
  // how many runs it took.
  std::sort(plan.sources.begin(), plan.sources.end(),
            [](const Plan::Source& a, const Plan::Source& b) { return a.id < b.id; });
  return plan;
}

void LocalWriter::ChooseMerges(Plan& plan) const {
  uint64_t merged_rows = 0;
  const bool new_without_vectors = std::any_of(plan.sources.begin(), plan.sources.end(),
                                               [](const auto& source) { return !source.embedded; });
  size_t remaining = plan.sources.empty() ? 0 : 1;
  std::vector<Plan::Kept*> whole;
  for (Plan::Kept& kept : plan.segments) {
    if (kept.use.segment().without_vectors()) {
      // Its documents leave it as they are embedded, until none is left; it is not written anew for
      // that. There is never more than one.
      kept.merge = new_without_vectors;
      continue;
    }
    const uint64_t rows = kept.use.segment().rows();
    const double dead_share =
        rows == 0 ? 0 : 1.0 - static_cast<double>(kept.live_rows) / static_cast<double>(rows);
    kept.merge = dead_share > kMaxDeadShare;
    if (kept.merge) {
      merged_rows += kept.live_rows;
      remaining = 1;
    } else {
      whole.push_back(&kept);
    }
  }
  remaining += whole.size();
  if (remaining <= kMaxSegments) return;
  // From the smallest, and on as long as the next is not much larger than what is merged already:
  // so each row is rewritten a logarithmic number of times.
  std::sort(whole.begin(), whole.end(), [](const Plan::Kept* a, const Plan::Kept* b) {
    return a->live_rows != b->live_rows ? a->live_rows < b->live_rows
                                        : a->use.segment().id() < b->use.segment().id();
  });
  for (Plan::Kept* kept : whole) {
    if (remaining <= kMaxSegments / 2 && kept->live_rows > 2 * merged_rows) break;
    kept->merge = true;
    merged_rows += kept->live_rows;
    --remaining;
  }
}

StatusOr<std::optional<records::SegmentRecord>> LocalWriter::WriteSegment(Plan& plan,
                                                                          bool with_vectors,
                                                                          uint32_t id) {
  SegmentBuilder builder(*store_, *analyzer_, id, static_cast<int>(settings_.width()), with_vectors,
                         memory_);
  bool any = false;
  for (const Plan::Source& source : plan.sources) {
    if (source.embedded != with_vectors) continue;
    any = true;
    records::StagedDocument document;
    if (source.staged) {
      FOOTNOTE_ASSIGN_OR_RETURN(const auto body, store_->Get(Table::kStaged, BodyKey(source.id)));
      if (!body) return DataLossError("the staged document \"" + source.id + "\" is missing");
      FOOTNOTE_ASSIGN_OR_RETURN(document,
                                ParseRecord<records::StagedDocument>(*body, "staged document"));
      plan.access.emplace_back(source.id, document.access());
    } else {
      FOOTNOTE_ASSIGN_OR_RETURN(
          document, ReadDocument(*store_, source.segment, source.ordinal, with_vectors));
    }
    FOOTNOTE_RETURN_IF_ERROR(builder.Add(std::move(document)));
  }
  if (!any) return std::optional<records::SegmentRecord>();
  FOOTNOTE_ASSIGN_OR_RETURN(records::SegmentRecord record,
                            builder.Finish(corpus_, FromRecord(settings_.vector_index()),
                                           published_.size() + plan.sources.size()));
  return std::optional(std::move(record));
}

StatusOr<uint64_t> LocalWriter::Publish() {
  FOOTNOTE_ASSIGN_OR_RETURN(Plan plan, MakePlan());
  // A corpus that never had a generation gets an empty one, so that it can be opened.
  if (plan.staged == 0 && current_.number() != 0) return current_.number();
  FOOTNOTE_ASSIGN_OR_RETURN(uint32_t next_segment, ReadNextSegment(*store_));
  std::vector<records::SegmentRecord> written;
  for (const bool with_vectors : {true, false}) {
    FOOTNOTE_ASSIGN_OR_RETURN(auto segment, WriteSegment(plan, with_vectors, next_segment));
    if (!segment) continue;
    written.push_back(*std::move(segment));
    ++next_segment;
  }
  return PublishPlan(plan, written, next_segment, settings_, [&](ChunkStore::Batch& batch) {
    // One by one: a compaction that finds nothing but a deleted range begins a file that stays
    // empty, and RocksDB 7.8 aborts when the disk refuses that one.
    for (const std::string& id : plan.deleted) batch.Delete(Table::kStaged, HeaderKey(id));
    for (const Plan::Source& source : plan.sources) {
      if (!source.staged) continue;
      batch.Delete(Table::kStaged, HeaderKey(source.id));
      batch.Delete(Table::kStaged, BodyKey(source.id));
    }
  });
}

StatusOr<uint64_t> LocalWriter::PublishPlan(const Plan& plan,
                                            const std::vector<records::SegmentRecord>& written,
                                            uint32_t next_segment,
                                            const records::CorpusRecord& settings,
                                            const std::function<void(ChunkStore::Batch&)>& stage) {
  FOOTNOTE_ASSIGN_OR_RETURN(std::vector<records::GenerationRecord> generations,
                            ReadGenerations(*store_));

  records::GenerationRecord next;
  next.set_number(generations.empty() ? 1 : generations.back().number() + 1);
  next.set_created_unix_s(std::time(nullptr));
  next.set_embedder_sha256(settings.embedder_sha256());
  *next.mutable_embedder() = EmbedderOf(settings);
  for (const Plan::Kept& kept : plan.segments) *next.add_segments() = kept.use;
  for (const auto& segment : written) *next.add_segments()->mutable_segment() = segment;

  // The documents as they will be: those that are written, and of the others those that stay.
  PublishedMap changed;
  for (const auto& segment : written) {
    FOOTNOTE_RETURN_IF_ERROR(AddPublished(segment, {}, changed));
  }
  const auto stays = [&](const std::string& id) {
    return !changed.contains(id) && !plan.deleted.contains(id);
  };
  uint64_t documents = 0;
  uint64_t chunks = 0;
  uint64_t tokens = 0;
  const auto count = [&](const Published& document) {
    ++documents;
    chunks += document.chunks;
    tokens += document.tokens;
  };
  for (const auto& [id, document] : changed) count(document);
  for (const auto& [id, document] : published_) {
    if (stays(id)) count(document);
  }
  next.set_documents(documents);
  next.set_chunks(chunks);
  next.set_tokens(tokens);

  ChunkStore::Batch batch = store_->NewBatch();
  PutGeneration(next, batch);
  PutCurrent(next.number(), batch);
  PutNextSegment(next_segment, batch);
  FOOTNOTE_ASSIGN_OR_RETURN(const uint64_t epoch, ReadAccessEpoch(*store_));
  if (!plan.access.empty()) {
    for (const auto& [id, access] : plan.access) {
      batch.Put(Table::kState, AccessKey(id), access.SerializeAsString());
    }
    // Readers read all lists again, rather than a log as long as the table.
    PutAccessEpoch(epoch + 1, batch);
    ForgetAccessLog(epoch + 1, batch);
  }
  stage(batch);
  generations.push_back(next);
  std::vector<records::GenerationRecord> kept;
  for (size_t i = 0; i < generations.size(); ++i) {
    if (i + kKeptGenerations >= generations.size()) {
      kept.push_back(generations[i]);
    } else {
      DeleteGeneration(generations[i].number(), batch);
    }
  }
  const std::set<uint32_t> before = SegmentsOf(generations);
  const std::set<uint32_t> after = SegmentsOf(kept);
  std::vector<uint32_t> dropped;
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(),
                      std::back_inserter(dropped));
  const auto is_published = [&](const std::string& id) {
    return changed.contains(id) || (published_.contains(id) && stays(id));
  };
  FOOTNOTE_RETURN_IF_ERROR(ForgetAccessOf(dropped, after, is_published, batch));
  if (Status status = Commit(std::move(batch)); !status.ok()) {
    // It may be stored nevertheless: what this writer knows must be what is stored.
    LoadState().IgnoreError();
    return status;
  }
  current_ = std::move(next);
  for (const std::string& id : plan.deleted) published_.erase(id);
  for (auto& [id, document] : changed) published_[id] = std::move(document);

  // Published. What follows only tidies up; what fails of it is done by the next writer.
  if (!dropped.empty()) RemoveGarbage(kept).IgnoreError();
  return current_.number();
}

Status LocalWriter::ForgetAccessOf(const std::vector<uint32_t>& dropped,
                                   const std::set<uint32_t>& kept,
                                   const std::function<bool(const std::string&)>& is_published,
                                   ChunkStore::Batch& batch) const {
  std::set<std::string> gone;
  for (uint32_t segment : dropped) {
    FOOTNOTE_ASSIGN_OR_RETURN(const auto documents, ReadDocumentRecords(*store_, segment));
    for (const auto& document : documents) {
      if (!is_published(document.id())) gone.insert(document.id());
    }
  }
  if (gone.empty()) return OkStatus();
  for (uint32_t segment : kept) {
    FOOTNOTE_ASSIGN_OR_RETURN(const auto documents, ReadDocumentRecords(*store_, segment));
    for (const auto& document : documents) gone.erase(document.id());
  }
  for (const std::string& id : gone) batch.Delete(Table::kState, AccessKey(id));
  return OkStatus();
}

}  // namespace footnote::retriever
