// An Api whose calls do what the test says, for tests of what carries them.
//
// Every method is a function that the test may replace; the defaults answer at once with messages
// that name what was asked. Threads: replace before the server starts; the counters may be read any
// time.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/api.h"

namespace footnote::testing {

namespace v1 = ::footnote::v1;

class ScriptedApi : public server::Api {
 public:
  using AskSink = std::function<void(const v1::AskResponse&)>;
  using ImportSink = std::function<void(const v1::ImportDocumentsResponse&)>;

  std::function<Status(const v1::AskRequest&, const CallContext&, const AskSink&)> ask =
      [](const v1::AskRequest& request, const CallContext&, const AskSink& emit) {
        emit(PassagesEvent());
        emit(SentenceEvent("First."));
        emit(SentenceEvent("Second."));
        emit(AnswerEvent("About " + request.question()));
        return OkStatus();
      };
  std::function<StatusOr<v1::SearchResponse>(const v1::SearchRequest&, const CallContext&)> search =
      [](const v1::SearchRequest& request, const CallContext&) {
        v1::SearchResponse response;
        v1::Passage* passage = response.add_passages();
        passage->set_number(1);
        passage->set_text(request.query());
        response.set_generation(7);
        return response;
      };
  // What ImportSession::Finish does; `files` are the names and sizes that came.
  std::function<Status(const std::vector<std::pair<std::string, size_t>>&, const CallContext&,
                       const ImportSink&)>
      import = [](const auto& files, const CallContext&, const ImportSink& emit) {
        v1::ImportDocumentsResponse event;
        event.mutable_progress()->set_phase("embedding");
        event.mutable_progress()->set_share(0.5);
        emit(event);
        event.mutable_report()->set_added(static_cast<uint32_t>(files.size()));
        emit(event);
        return OkStatus();
      };
  // How calls ended that were told to stop.
  std::atomic<int> stopped{0};
  std::atomic<int> sessions_open{0};

  // Does what a decode loop does: works, one event a millisecond, until the call says to stop.
  Status RunUntilStopped(const CallContext& call, const std::function<void()>& step) {
    for (;;) {
      if (Status status = call.Check(); !status.ok()) {
        ++stopped;
        return status;
      }
      step();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  static v1::AskResponse PassagesEvent() {
    v1::AskResponse event;
    event.mutable_passages()->add_passages()->set_number(1);
    return event;
  }
  static v1::AskResponse SentenceEvent(const std::string& text) {
    v1::AskResponse event;
    event.mutable_sentence()->mutable_sentence()->set_text(text);
    return event;
  }
  static v1::AskResponse AnswerEvent(const std::string& text) {
    v1::AskResponse event;
    event.mutable_answer()->set_answer(text);
    return event;
  }

  Status Ask(const v1::AskRequest& request, const CallContext& call, const AskSink& emit) override {
    return ask(request, call, emit);
  }
  Status Summarize(const v1::SummarizeRequest& request, const CallContext&,
                   const AskSink& emit) override {
    emit(PassagesEvent());
    emit(SentenceEvent("In short."));
    std::string text = "Summary of";
    for (const std::string& id : request.document_ids()) text += " " + id;
    emit(AnswerEvent(text + request.filter()));
    return OkStatus();
  }
  StatusOr<v1::SearchResponse> Search(const v1::SearchRequest& request,
                                      const CallContext& call) override {
    return search(request, call);
  }
  StatusOr<v1::CheckGroundingResponse> CheckGrounding(const v1::CheckGroundingRequest& request,
                                                      const CallContext&) override {
    v1::CheckGroundingResponse response;
    response.add_claims()->set_end_byte(static_cast<uint32_t>(request.text().size()));
    return response;
  }
  StatusOr<v1::ListCorporaResponse> ListCorpora(const v1::ListCorporaRequest&) override {
    v1::ListCorporaResponse response;
    response.add_corpora()->set_name("legal");
    return response;
  }
  StatusOr<v1::Corpus> GetCorpus(const v1::GetCorpusRequest& request) override {
    if (request.corpus() != "legal") {
      return NotFoundError("no corpus \"" + request.corpus() + "\": see ListCorpora");
    }
    v1::Corpus corpus;
    corpus.set_name(request.corpus());
    return corpus;
  }
  StatusOr<v1::Corpus> CreateCorpus(const v1::CreateCorpusRequest& request) override {
    v1::Corpus corpus;
    corpus.set_name(request.name());
    return corpus;
  }
  StatusOr<v1::ListDocumentsResponse> ListDocuments(
      const v1::ListDocumentsRequest& request) override {
    v1::ListDocumentsResponse response;
    response.add_documents()->set_document_id(request.corpus() + "/1");
    return response;
  }
  StatusOr<v1::Document> GetDocument(const v1::GetDocumentRequest& request) override {
    v1::Document document;
    document.set_document_id(request.document_id());
    return document;
  }
  StatusOr<v1::DeleteDocumentResponse> DeleteDocument(const v1::DeleteDocumentRequest&,
                                                      const CallContext&) override {
    v1::DeleteDocumentResponse response;
    response.set_generation(8);
    return response;
  }
  std::unique_ptr<server::ImportSession> StartImport() override;
  StatusOr<v1::ListModelsResponse> ListModels(const v1::ListModelsRequest&) override {
    v1::ListModelsResponse response;
    response.add_models()->set_name("scripted");
    return response;
  }

 private:
  class Session;
};

// The order that the real one demands: start, then files with their pieces.
class ScriptedApi::Session : public server::ImportSession {
 public:
  explicit Session(ScriptedApi* api) : api_(api) { ++api_->sessions_open; }
  ~Session() override { --api_->sessions_open; }

  Status Accept(const v1::ImportDocumentsRequest& part) override {
    switch (part.part_case()) {
      case v1::ImportDocumentsRequest::kStart:
        if (started_) return InvalidArgumentError("start came twice");
        started_ = true;
        return OkStatus();
      case v1::ImportDocumentsRequest::kFile:
        if (!started_) return InvalidArgumentError("a file came before start");
        files_.emplace_back(part.file().file_name(), 0);
        return OkStatus();
      case v1::ImportDocumentsRequest::kContent:
        if (files_.empty()) return InvalidArgumentError("content came before its file");
        files_.back().second += part.content().size();
        return OkStatus();
      case v1::ImportDocumentsRequest::PART_NOT_SET:
        break;
    }
    return InvalidArgumentError("an empty message came");
  }
  Status Finish(const CallContext& call, const ImportSink& emit) override {
    return api_->import(files_, call, emit);
  }

 private:
  ScriptedApi* api_;
  bool started_ = false;
  std::vector<std::pair<std::string, size_t>> files_;
};

inline std::unique_ptr<server::ImportSession> ScriptedApi::StartImport() {
  return std::make_unique<Session>(this);
}

}  // namespace footnote::testing
