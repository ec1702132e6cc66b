// The life of a corpus in steps, for tests that interrupt it: build, update, delete, change access,
// merge segments, join corpora, roll back, erase.
//
// Each step may be run again from its beginning, wherever it was cut short, and then ends where an
// uninterrupted one does: it looks before it puts, as an indexer does.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "retriever/corpus.h"
#include "retriever/storage/local_writer.h"
#include "tests/retriever/corpus_builder.h"

namespace footnote::retriever::testing {

inline constexpr char kScenarioCorpus[] = "docs";
// Of the document that is erased in the end. Random letters: compression cannot hide them.
inline constexpr char kSecretId[] = "qzxjvkwpyfgh";
inline constexpr char kSecretWord[] = "xkqjzwvbpmyt";
inline constexpr char kSecretPrincipal[] = "user:jqxzvkwbyp";

struct ScenarioRun {
  std::filesystem::path root;     // the corpora's folder; need not exist
  uint64_t start_generation = 0;  // that was current before the step; 0: none
  bool again = false;             // a run of the same step was cut short before
  int tries = 1;                  // of a call that fails, by the same writer
  std::function<void(const std::string&)> acknowledged;  // called when a call returned OK

  Status Do(const std::string& what, const std::function<Status()>& call) const {
    Status status = call();
    for (int i = 1; i < tries && !status.ok(); ++i) status = call();
    if (status.ok() && acknowledged) acknowledged(what);
    return status.WithContext(what);
  }
};

class ScenarioWriter {
 public:
  explicit ScenarioWriter(const ScenarioRun& run, VectorIndexKind kind = VectorIndexKind::kAuto)
      : run_(run), kind_(kind) {}

  Status Open() {
    return run_.Do("open", [&]() -> Status {
      FOOTNOTE_ASSIGN_OR_RETURN(
          writer_, LocalWriter::Open(run_.root / kScenarioCorpus,
                                     SettingsFor(embedder_, /*is_public=*/true, kind_)));
      return OkStatus();
    });
  }
  Status Put(const std::string& id, const std::string& text, AccessList access = {}) {
    const IndexedDocument document = MakeDocument(embedder_, id, text, {}, std::move(access));
    FOOTNOTE_ASSIGN_OR_RETURN(const auto state, writer_->Lookup(id));
    if (state && state->version == document.document.version) return OkStatus();
    return run_.Do("put " + id, [&] { return writer_->Put(document, "f"); });
  }
  Status Delete(const std::string& id) {
    return run_.Do("delete " + id, [&] { return writer_->Delete(id); });
  }
  Status SetAccess(const std::string& id, const AccessList& access) {
    return run_.Do("set access of " + id, [&] { return writer_->SetAccess(id, access); });
  }
  // The step's `nth` generation, unless it was published before: a step that runs again must not
  // publish earlier what it has staged for later.
  Status Publish(uint64_t nth = 1) {
    FOOTNOTE_ASSIGN_OR_RETURN(const uint64_t current, writer_->CurrentGeneration());
    if (current >= run_.start_generation + nth) return OkStatus();
    return run_.Do("publish", [&] { return writer_->Publish().status(); });
  }

 private:
  const ScenarioRun& run_;
  const VectorIndexKind kind_;
  FakeEmbedder embedder_;
  std::unique_ptr<LocalWriter> writer_;
};

inline std::string ScenarioText(int i, int edition) {
  std::string text = "Clause " + std::to_string(i) + " of edition " + std::to_string(edition);
  for (int p = 0; p <= i % 3; ++p) {
    text += "\n\nword" + std::to_string(i * 7 % 23) + " term" + std::to_string((i + p) % 11) +
            " shall apply to part" + std::to_string(p);
  }
  return text;
}

inline std::string SecretText(int edition) {
  return "Edition " + std::to_string(edition) + " of " + kSecretWord + "\n\nword3 " + kSecretWord;
}

inline const std::vector<std::string>& ScenarioQueries() {
  static const std::vector<std::string> queries = {"word3 term4", "edition 1 clause",
                                                   "part2 shall apply"};
  return queries;
}

namespace steps {

inline Status Build(const ScenarioRun& run) {
  ScenarioWriter writer(run);
  FOOTNOTE_RETURN_IF_ERROR(writer.Open());
  FOOTNOTE_RETURN_IF_ERROR(writer.Put(kSecretId, SecretText(0)));
  for (int i = 0; i < 12; ++i) {
    FOOTNOTE_RETURN_IF_ERROR(writer.Put("doc" + std::to_string(i), ScenarioText(i, 0)));
    if (i % 4 == 3) FOOTNOTE_RETURN_IF_ERROR(writer.Publish(static_cast<uint64_t>(i) / 4 + 1));
  }
  return OkStatus();
}

inline Status Update(const ScenarioRun& run) {
  ScenarioWriter writer(run);
  FOOTNOTE_RETURN_IF_ERROR(writer.Open());
  for (const int i : {0, 5, 12}) {
    FOOTNOTE_RETURN_IF_ERROR(writer.Put("doc" + std::to_string(i), ScenarioText(i, 1)));
  }
  FOOTNOTE_RETURN_IF_ERROR(
      writer.Put(kSecretId, SecretText(1), {{kSecretPrincipal, "everyone"}, {}}));
  return writer.Publish();
}

// Twice, so that access lists of documents that no generation holds any more are forgotten.
inline Status Delete(const ScenarioRun& run) {
  ScenarioWriter writer(run);
  FOOTNOTE_RETURN_IF_ERROR(writer.Open());
  for (const int i : {1, 2}) {
    FOOTNOTE_RETURN_IF_ERROR(writer.Delete("doc" + std::to_string(i)));
  }
  FOOTNOTE_RETURN_IF_ERROR(writer.Publish());
  FOOTNOTE_RETURN_IF_ERROR(writer.Delete("doc9"));
  return writer.Publish(2);
}

inline Status ChangeAccess(const ScenarioRun& run) {
  ScenarioWriter writer(run);
  FOOTNOTE_RETURN_IF_ERROR(writer.Open());
  FOOTNOTE_RETURN_IF_ERROR(writer.SetAccess("doc3", {{}, {"everyone"}}));
  FOOTNOTE_RETURN_IF_ERROR(writer.Put("doc13", ScenarioText(13, 0)));
  FOOTNOTE_RETURN_IF_ERROR(writer.SetAccess("doc13", {{"group:staff"}, {}}));
  return writer.SetAccess(kSecretId, {{kSecretPrincipal, "everyone"}, {"user:nobody"}});
}

// More segments than are kept: they are merged.
inline Status Merge(const ScenarioRun& run) {
  ScenarioWriter writer(run);
  FOOTNOTE_RETURN_IF_ERROR(writer.Open());
  for (int i = 20; i < 28; ++i) {
    FOOTNOTE_RETURN_IF_ERROR(writer.Put("doc" + std::to_string(i), ScenarioText(i, 0)));
    FOOTNOTE_RETURN_IF_ERROR(writer.Publish(static_cast<uint64_t>(i - 19)));
  }
  return OkStatus();
}

// Two corpora as other machines made them, of new documents and a changed one. Nobody interrupts
// that.
inline const std::vector<std::filesystem::path>& PartCorpora() {
  static const TempDir folder;
  static const std::vector<std::filesystem::path> parts = [] {
    const FakeEmbedder embedder;
    std::vector<std::filesystem::path> made;
    for (const auto& [name, numbers] :
         {std::pair{"one", std::vector<int>{4, 40}}, std::pair{"two", std::vector<int>{41, 42}}}) {
      made.push_back(folder / name);
      auto writer = LocalWriter::Open(made.back(), SettingsFor(embedder));
      EXPECT_OK(writer);
      for (const int i : numbers) {
        EXPECT_OK(
            (*writer)->Put(MakeDocument(embedder, "doc" + std::to_string(i), ScenarioText(i, 1), {},
                                        i == 41 ? AccessList{{"group:staff"}, {}} : AccessList()),
                           "f"));
      }
      EXPECT_OK((*writer)->Publish());
    }
    return made;
  }();
  return parts;
}

inline Status Join(const ScenarioRun& run) {
  // Each document is copied by a call of its own: progress tells when it returned.
  int known = 0;
  return run.Do("join", [&]() -> Status {
    int done = 0;
    const auto progress = [&](double) {
      if (++done <= known) return;
      known = done;
      if (run.acknowledged) run.acknowledged("copy document " + std::to_string(done));
    };
    return MergeCorpora(run.root, kScenarioCorpus, PartCorpora(), /*prune=*/false, progress)
        .status();
  });
}

inline Status RollBack(const ScenarioRun& run) {
  return run.Do("roll back", [&] {
    return RollbackCorpus(run.root, kScenarioCorpus, run.start_generation - 1).status();
  });
}

inline Status GoOn(const ScenarioRun& run) {
  ScenarioWriter writer(run);
  FOOTNOTE_RETURN_IF_ERROR(writer.Open());
  FOOTNOTE_RETURN_IF_ERROR(writer.Put("doc4", ScenarioText(4, 2)));
  return writer.Publish();
}

// On its own: run again, the step before would publish it.
inline Status Stage(const ScenarioRun& run) {
  ScenarioWriter writer(run);
  FOOTNOTE_RETURN_IF_ERROR(writer.Open());
  return writer.Put(kSecretId, SecretText(2));
}

inline Status Erase(const ScenarioRun& run) {
  std::unique_ptr<LocalWriter> writer;
  FOOTNOTE_RETURN_IF_ERROR(run.Do("open", [&]() -> Status {
    FOOTNOTE_ASSIGN_OR_RETURN(writer, LocalWriter::OpenExisting(run.root / kScenarioCorpus));
    return OkStatus();
  }));
  return run.Do("erase", [&] {
    Status status = writer->Erase(kSecretId);
    // The first run had come to the end.
    if (run.again && status.code() == StatusCode::kNotFound) return OkStatus();
    return status;
  });
}

inline Status AddAfterErasure(const ScenarioRun& run) {
  ScenarioWriter writer(run);
  FOOTNOTE_RETURN_IF_ERROR(writer.Open());
  FOOTNOTE_RETURN_IF_ERROR(writer.Put("doc30", ScenarioText(30, 0)));
  return writer.Publish();
}

}  // namespace steps

struct ScenarioStep {
  const char* name;
  Status (*run)(const ScenarioRun&);
  bool erased = false;  // when it is done, no byte of the secret document is left
};

// The step's name for the name of a test: "RollBack".
inline std::string WordsOf(const ScenarioStep& step) {
  std::string words;
  bool starts = true;
  for (const char* c = step.name; *c != '\0'; ++c) {
    if (*c != ' ') words += starts ? static_cast<char>(*c - 'a' + 'A') : *c;
    starts = *c == ' ';
  }
  return words;
}

inline const std::vector<ScenarioStep>& ScenarioSteps() {
  static const std::vector<ScenarioStep> all = {
      {"build", steps::Build},
      {"update", steps::Update},
      {"delete", steps::Delete},
      {"change access", steps::ChangeAccess},
      {"merge", steps::Merge},
      {"join", steps::Join},
      {"roll back", steps::RollBack},
      {"go on", steps::GoOn},
      {"stage", steps::Stage},
      {"erase", steps::Erase, /*erased=*/true},
      {"add after erasure", steps::AddAfterErasure, /*erased=*/true},
  };
  return all;
}

}  // namespace footnote::retriever::testing
