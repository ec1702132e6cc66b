// A corpus in a local folder, read beside a writer in another process; what corpus.h promises.
//
// Each request catches up with the writer first (access lists, erasures), so that it judges by what
// holds now; a poller does the same four times a second, so that a new generation is mostly loaded
// before somebody asks.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "retriever/corpus.h"
#include "retriever/storage/chunk_store.h"
#include "retriever/storage/postings_cache.h"
#include "retriever/storage/view.h"
#include "retriever/text/analyzer.h"

namespace footnote::retriever {

class LocalCorpus : public Corpus {
 public:
  // What a request works on: a generation and the access lists of now.
  struct Snapshot {
    std::shared_ptr<const GenerationView> view;
    std::shared_ptr<const AccessTable> access;
    std::shared_ptr<const ChunkStore> store;  // where the view's rows are
    // The newest generation, while it is still being loaded; null when `view` is that.
    std::shared_ptr<const records::GenerationRecord> newer = nullptr;
    std::shared_ptr<PostingsCache> postings = nullptr;  // read from `store`
  };

  // load_patience: how long a request waits for another's loading of a new generation.
  static StatusOr<std::shared_ptr<LocalCorpus>> Open(
      const std::filesystem::path& corpus,
      std::chrono::milliseconds load_patience = std::chrono::milliseconds(250));
  ~LocalCorpus() override;

  CorpusInfo Info() override;
  StatusOr<bool> IsPublic() override;
  StatusOr<std::string> EmbedderSha256() override;
  StatusOr<std::vector<DocumentSummary>> ListDocuments(const Asker& asker,
                                                       const std::string& after_id,
                                                       size_t limit) override;
  StatusOr<std::vector<DocumentSummary>> MatchingDocuments(const Asker& asker, const Filter& filter,
                                                           size_t limit) override;
  StatusOr<Document> GetDocument(const std::string& document_id, const Asker& asker) override;
  StatusOr<Document> GetDocumentAsOwner(const std::string& document_id) override;
  StatusOr<std::vector<std::string>> DocumentIds() override;
  Status ForEachChunk(const std::function<Status(const StoredChunk&)>& take) override;
  StatusOr<std::vector<std::string>> Verify(const std::function<void(double)>& progress) override;

  // Catches up with the writer. The generation is the newest, unless loading it takes another
  // thread longer than a moment: requests then go on with the one before.
  StatusOr<Snapshot> Now();
  // The same for whoever was told ABORTED, because the rows of its snapshot were dropped: waits
  // for another's loading until then, so that what it gets is not what it had. A writer that
  // publishes all the time may drop that too: kAttempts says how often to try.
  static constexpr int kAttempts = 20;
  StatusOr<Snapshot> NowLoaded(std::chrono::steady_clock::time_point give_up);

  // Whether the newest generation has the document in this version: what was deleted or replaced
  // is not shown while the generation without it is being loaded.
  StatusOr<bool> Holds(const Snapshot& now, const std::string& document_id,
                       const std::string& version) const;

  // Rows visible to the asker, and those of them that the filter (may be null) leaves. Kept for the
  // next request of the same asker and filter.
  std::shared_ptr<const RowSet> Visible(const Snapshot& snapshot, const Asker& asker);
  std::shared_ptr<const RowSet> Allowed(const Snapshot& snapshot, const Asker& asker,
                                        const Filter* filter);

  const Analyzer& analyzer() const { return *analyzer_; }
  const std::string& name() const { return name_; }
  const std::filesystem::path& folder() const { return folder_; }

 private:
  StatusOr<std::vector<DocumentSummary>> List(const Asker& asker, const std::string& after_id,
                                              const Filter* filter, size_t limit);

  struct StoredPlace {
    uint32_t segment = 0;
    uint32_t ordinal = 0;
  };

  LocalCorpus(std::filesystem::path folder, std::unique_ptr<ChunkStore> store,
              std::chrono::milliseconds load_patience)
      : folder_(std::move(folder)),
        name_(folder_.filename().string()),
        load_patience_(load_patience),
        store_(std::move(store)),
        postings_(std::make_shared<PostingsCache>(store_)) {}

  Status Start();
  void Poll();
  // Makes access_ that of now. Needs tables_mutex_.
  Status RefreshAccess();
  // Makes the tables those of now. Reading the writer's log costs milliseconds, so unless told to
  // always do it, this does it when the file REVISION tells of a change. Needs tables_mutex_.
  Status CatchUp(bool always);
  StatusOr<Snapshot> NowOr(bool always, std::chrono::steady_clock::time_point load_until);
  std::shared_ptr<ChunkStore> store() const;
  // Loads the current generation if it is another than view_'s. Needs load_mutex_.
  Status LoadCurrent();
  StatusOr<std::string> CurrentManifest() const;
  StatusOr<std::shared_ptr<const GenerationView>> LoadView(std::string manifest);
  bool HasView(const std::string& manifest);
  // Where the newest generation has the document; nothing when it does not have it.
  StatusOr<std::optional<StoredPlace>> Find(const Snapshot& now, const std::string& id) const;
  // asker: null for the owner. Begins again when the generation is dropped meanwhile.
  StatusOr<Document> FindDocument(const std::string& document_id, const Asker* asker);
  StatusOr<Document> DocumentAt(const Snapshot& snapshot, StoredPlace place) const;
  std::shared_ptr<const RowSet> Cached(const std::string& key, const std::function<RowSet()>& make);
  Status NotThere(const std::string& document_id) const;

  const std::filesystem::path folder_;
  const std::string name_;
  const std::chrono::milliseconds load_patience_;
  // As at opening; is_public lives in AccessTable, the embedder in each view.
  records::CorpusRecord settings_;
  std::unique_ptr<Analyzer> analyzer_;

  std::mutex tables_mutex_;         // one catches up at a time; guards revision_
  uint64_t revision_ = 0;           // that the tables show
  std::timed_mutex load_mutex_;     // one loads a generation at a time; taken before tables_mutex_
  mutable std::mutex state_mutex_;  // guards what follows; held for moments only
  std::shared_ptr<ChunkStore> store_;        // replaced when it fell behind
  std::shared_ptr<PostingsCache> postings_;  // of store_
  std::shared_ptr<const GenerationView> view_;
  std::shared_ptr<const AccessTable> access_;
  uint64_t views_loaded_ = 0;
  std::map<uint32_t, std::string> notes_;  // faults found in FAISS files, by segment
  std::vector<std::pair<std::string, std::shared_ptr<const RowSet>>> row_sets_;  // newest last

  std::mutex stop_mutex_;
  std::condition_variable stop_changed_;
  bool stopping_ = false;
  std::thread poller_;
};

}  // namespace footnote::retriever
