// Every method of footnote.v1 over gRPC: what goes in comes out, in order; errors carry details.

#include <google/protobuf/any.pb.h>
#include <grpcpp/generic/generic_stub.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/grpc_status.h"
#include "tests/server/grpc_fixture.h"

namespace footnote::server {
namespace {

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

google::rpc::ErrorInfo ErrorInfoOf(const grpc::Status& status) {
  google::rpc::ErrorInfo info;
  const google::rpc::Status details = DetailsOf(status);
  for (const auto& detail : details.details()) {
    if (detail.UnpackTo(&info)) return info;
  }
  ADD_FAILURE() << "no ErrorInfo with: " << status.error_message();
  return info;
}

bool HasRetryInfo(const grpc::Status& status) {
  const google::rpc::Status details = DetailsOf(status);
  google::rpc::RetryInfo retry;
  for (const auto& detail : details.details()) {
    if (detail.UnpackTo(&retry)) return retry.retry_delay().seconds() == 1;
  }
  return false;
}

// The hint of who refused, or a second.
TEST(GrpcStatus, SaysWhenToTryAgain) {
  const auto delay = [](const Status& status) {
    google::rpc::RetryInfo retry;
    const google::rpc::Status details = DetailsOf(ToGrpc(status));
    for (const auto& detail : details.details()) {
      if (detail.UnpackTo(&retry)) break;
    }
    return retry.retry_delay().seconds() * 1000 + retry.retry_delay().nanos() / 1000000;
  };
  const Status full = ResourceExhaustedError("full");
  EXPECT_EQ(delay(full), 1000);
  EXPECT_EQ(delay(full.WithRetryAfter(std::chrono::milliseconds(2340))), 2340);
  EXPECT_EQ(delay(NotFoundError("no")), 0);
}

class GrpcMethods : public GrpcFixture {
 protected:
  void SetUp() override { context_.set_deadline(Soon()); }
  grpc::ClientContext context_;
};

// Each event in a word, to the stream's end.
std::vector<std::string> SaidBy(grpc::ClientReader<v1::AskResponse>& reader) {
  std::vector<std::string> said;
  v1::AskResponse event;
  while (reader.Read(&event)) {
    said.push_back(event.has_passages()   ? "passages"
                   : event.has_sentence() ? event.sentence().sentence().text()
                                          : event.answer().answer());
  }
  EXPECT_TRUE(reader.Finish().ok());
  return said;
}

TEST_F(GrpcMethods, AskStreamsEventsInTheOrderTheyWereEmitted) {
  Start();
  v1::AskRequest request;
  request.set_question("rent");
  const auto reader = answers_->Ask(&context_, request);
  EXPECT_EQ(SaidBy(*reader),
            (std::vector<std::string>{"passages", "First.", "Second.", "About rent"}));
}

TEST_F(GrpcMethods, SummarizeStreamsAsAskDoes) {
  Start();
  v1::SummarizeRequest request;
  request.add_document_ids("lease.md");
  const auto reader = answers_->Summarize(&context_, request);
  EXPECT_EQ(SaidBy(*reader),
            (std::vector<std::string>{"passages", "In short.", "Summary of lease.md"}));
}

TEST_F(GrpcMethods, AskThatWritesFasterThanTheClientReadsLosesNothing) {
  constexpr int kEvents = 200;  // 200 KiB: below what may wait
  api_.ask = [](const v1::AskRequest&, const CallContext&, const auto& emit) {
    for (int i = 0; i < kEvents; ++i) {
      emit(testing::ScriptedApi::SentenceEvent(std::to_string(i) + std::string(1000, '.')));
    }
    return OkStatus();
  };
  Start();
  const auto reader = answers_->Ask(&context_, {});
  v1::AskResponse event;
  int next = 0;
  while (reader->Read(&event)) {
    EXPECT_EQ(std::stoi(event.sentence().sentence().text()), next++);
    if (next % 50 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(next, kEvents);
}

TEST_F(GrpcMethods, SearchAnswers) {
  Start();
  v1::SearchRequest request;
  request.set_query("rent");
  v1::SearchResponse response;
  ASSERT_TRUE(answers_->Search(&context_, request, &response).ok());
  EXPECT_EQ(response.passages(0).text(), "rent");
  EXPECT_EQ(response.generation(), 7);
}

TEST_F(GrpcMethods, CheckGroundingAnswers) {
  Start();
  v1::CheckGroundingRequest request;
  request.set_text("four");
  v1::CheckGroundingResponse response;
  ASSERT_TRUE(answers_->CheckGrounding(&context_, request, &response).ok());
  EXPECT_EQ(response.claims(0).end_byte(), 4);
}

TEST_F(GrpcMethods, CorporaAnswer) {
  Start();
  {
    grpc::ClientContext call;
    v1::ListCorporaResponse response;
    ASSERT_TRUE(corpora_->ListCorpora(&call, {}, &response).ok());
    EXPECT_EQ(response.corpora(0).name(), "legal");
  }
  {
    grpc::ClientContext call;
    v1::GetCorpusRequest request;
    request.set_corpus("legal");
    v1::Corpus corpus;
    ASSERT_TRUE(corpora_->GetCorpus(&call, request, &corpus).ok());
    EXPECT_EQ(corpus.name(), "legal");
  }
  {
    grpc::ClientContext call;
    v1::CreateCorpusRequest request;
    request.set_name("new");
    v1::Corpus corpus;
    ASSERT_TRUE(corpora_->CreateCorpus(&call, request, &corpus).ok());
    EXPECT_EQ(corpus.name(), "new");
  }
}

TEST_F(GrpcMethods, DocumentsAnswer) {
  Start();
  {
    grpc::ClientContext call;
    v1::ListDocumentsRequest request;
    request.set_corpus("legal");
    v1::ListDocumentsResponse response;
    ASSERT_TRUE(corpora_->ListDocuments(&call, request, &response).ok());
    EXPECT_EQ(response.documents(0).document_id(), "legal/1");
  }
  {
    grpc::ClientContext call;
    v1::GetDocumentRequest request;
    request.set_document_id("lease.md");
    v1::Document document;
    ASSERT_TRUE(corpora_->GetDocument(&call, request, &document).ok());
    EXPECT_EQ(document.document_id(), "lease.md");
  }
  {
    grpc::ClientContext call;
    v1::DeleteDocumentResponse response;
    ASSERT_TRUE(corpora_->DeleteDocument(&call, {}, &response).ok());
    EXPECT_EQ(response.generation(), 8);
  }
}

TEST_F(GrpcMethods, ModelsAnswer) {
  Start();
  v1::ListModelsResponse response;
  ASSERT_TRUE(models_->ListModels(&context_, {}, &response).ok());
  EXPECT_EQ(response.models(0).name(), "scripted");
}

// --- Imports ---

v1::ImportDocumentsRequest StartPart() {
  v1::ImportDocumentsRequest part;
  part.mutable_start()->set_corpus("legal");
  return part;
}
v1::ImportDocumentsRequest FilePart(const std::string& name) {
  v1::ImportDocumentsRequest part;
  part.mutable_file()->set_file_name(name);
  return part;
}
v1::ImportDocumentsRequest ContentPart(size_t bytes) {
  v1::ImportDocumentsRequest part;
  part.set_content(std::string(bytes, '\xff'));  // content is bytes, not text
  return part;
}

TEST_F(GrpcMethods, ImportInPiecesReportsProgressAndThenTheReport) {
  std::vector<std::pair<std::string, size_t>> came;
  api_.import = [&came, base = api_.import](const auto& files, const CallContext& call,
                                            const auto& emit) {
    came = files;
    return base(files, call, emit);
  };
  Start();
  const auto stream = corpora_->ImportDocuments(&context_);
  stream->Write(StartPart());
  stream->Write(FilePart("a.md"));
  for (int i = 0; i < 5; ++i) stream->Write(ContentPart(1 << 20));
  stream->Write(FilePart("b.md"));
  stream->Write(ContentPart(3));
  stream->WritesDone();
  v1::ImportDocumentsResponse event;
  ASSERT_TRUE(stream->Read(&event));
  EXPECT_EQ(event.progress().phase(), "embedding");
  ASSERT_TRUE(stream->Read(&event));
  EXPECT_EQ(event.report().added(), 2);
  EXPECT_FALSE(stream->Read(&event));
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(came, (std::vector<std::pair<std::string, size_t>>{{"a.md", 5 << 20}, {"b.md", 3}}));
  EXPECT_TRUE(Eventually([&] { return api_.sessions_open == 0; }));
}

TEST_F(GrpcMethods, ImportInTheWrongOrderIsInvalid) {
  Start();
  const auto stream = corpora_->ImportDocuments(&context_);
  stream->Write(ContentPart(3));
  v1::ImportDocumentsResponse event;
  EXPECT_FALSE(stream->Read(&event));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "content came before its file");
  EXPECT_TRUE(Eventually([&] { return api_.sessions_open == 0; }));
}

TEST_F(GrpcMethods, ImportThatItsClientLeftIsNotFinished) {
  std::atomic<bool> finished{false};
  api_.import = [&](const auto&, const CallContext& call, const auto&) {
    // As the real one: looks again before it publishes.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    if (Status status = call.Check(); !status.ok()) return status;
    finished = true;
    return OkStatus();
  };
  Start();
  {
    const auto stream = corpora_->ImportDocuments(&context_);
    stream->Write(StartPart());
    stream->Write(FilePart("a.md"));
    stream->Write(ContentPart(3));
    ASSERT_TRUE(Eventually([&] { return api_.sessions_open == 1; }));
    context_.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  EXPECT_TRUE(Eventually([&] { return api_.sessions_open == 0; }));
  EXPECT_FALSE(finished);
}

// --- Errors ---

TEST_F(GrpcMethods, ErrorsCarryCodeMessageAndErrorInfo) {
  Start();
  v1::GetCorpusRequest request;
  request.set_corpus("none");
  v1::Corpus corpus;
  const grpc::Status status = corpora_->GetCorpus(&context_, request, &corpus);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "no corpus \"none\": see ListCorpora");
  EXPECT_EQ(DetailsOf(status).code(), 5);
  EXPECT_EQ(DetailsOf(status).message(), status.error_message());
  EXPECT_EQ(ErrorInfoOf(status).reason(), "NOT_FOUND");
  EXPECT_EQ(ErrorInfoOf(status).domain(), "footnote");
  EXPECT_FALSE(HasRetryInfo(status));
}

TEST_F(GrpcMethods, AStreamEndsWithItsErrorAfterItsEvents) {
  api_.ask = [](const v1::AskRequest&, const CallContext&, const auto& emit) {
    emit(testing::ScriptedApi::PassagesEvent());
    return InternalError("the model broke");
  };
  Start();
  const auto reader = answers_->Ask(&context_, {});
  v1::AskResponse event;
  EXPECT_TRUE(reader->Read(&event));
  EXPECT_FALSE(reader->Read(&event));
  const grpc::Status status = reader->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(ErrorInfoOf(status).reason(), "INTERNAL");
}

TEST_F(GrpcMethods, CallsBeyondTheQueueAreToldWhenToTryAgain) {
  std::atomic<bool> release{false};
  std::atomic<int> running{0};
  api_.search = [&](const v1::SearchRequest&, const CallContext&) {
    ++running;
    while (!release) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return v1::SearchResponse();
  };
  AdmissionLimits limits;
  limits.lanes[static_cast<size_t>(WorkKind::kSearch)] = {1, 1};
  Start(limits);
  const auto call = [&](grpc::Status* status) {
    return std::thread([&, status] {
      grpc::ClientContext own;
      v1::SearchResponse response;
      *status = answers_->Search(&own, {}, &response);
    });
  };
  grpc::Status first;
  grpc::Status second;
  std::thread one = call(&first);
  EXPECT_TRUE(Eventually([&] { return running == 1; }));
  std::thread two = call(&second);
  EXPECT_TRUE(Eventually([&] { return admission_->load(WorkKind::kSearch).queued == 1; }));
  v1::SearchResponse response;
  const grpc::Status refused = answers_->Search(&context_, {}, &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ErrorInfoOf(refused).reason(), "TOO_MANY_CALLS");
  EXPECT_TRUE(HasRetryInfo(refused));
  release = true;
  one.join();
  two.join();
  EXPECT_TRUE(first.ok());
  EXPECT_TRUE(second.ok());
}

TEST_F(GrpcMethods, LongMessagesAreCutSoThatTheTrailerArrives) {
  api_.search = [](const v1::SearchRequest& request, const CallContext&) {
    return StatusOr<v1::SearchResponse>(InvalidArgumentError("bad: " + request.query()));
  };
  Start();
  v1::SearchRequest request;
  for (int i = 0; i < 10000; ++i) request.mutable_query()->append("ü");
  v1::SearchResponse response;
  const grpc::Status status = answers_->Search(&context_, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
  EXPECT_LT(status.error_message().size(), 1100);
  EXPECT_EQ(ErrorInfoOf(status).reason(), "INVALID_ARGUMENT");
}

// Sends bytes as they are to a method.
grpc::Status CallRaw(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                     const std::string& bytes) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareCall(&context, method, &queue);
  void* tag = nullptr;
  bool ok = false;
  call->StartCall(nullptr);
  queue.Next(&tag, &ok);
  const grpc::Slice slice(bytes);
  call->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
  queue.Next(&tag, &ok);
  grpc::Status status;
  call->Finish(&status, nullptr);
  queue.Next(&tag, &ok);
  return status;
}

TEST_F(GrpcMethods, MalformedMessagesAreInvalidAndNamed) {
  Start();
  // A length that goes beyond the end; a text that is not UTF-8.
  for (const std::string& bytes : {std::string("\x0a\xff\x01x"), std::string("\x0a\x02\xc3\x28")}) {
    for (const std::string method :
         {"/footnote.v1.AnswerService/Search", "/footnote.v1.AnswerService/Ask",
          "/footnote.v1.CorpusService/GetCorpus"}) {
      const grpc::Status status = CallRaw(channel_, method, bytes);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << method;
      EXPECT_NE(status.error_message().find("footnote.v1."), std::string::npos)
          << status.error_message();
      EXPECT_EQ(ErrorInfoOf(status).reason(), "MALFORMED_MESSAGE");
    }
  }
  const grpc::Status status =
      CallRaw(channel_, "/footnote.v1.CorpusService/ImportDocuments", "\x0a\xff\x01x");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(CallRaw(channel_, "/footnote.v1.AnswerService/Sing", "").error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(GrpcMethods, MessagesAboveTheLimitAreRefused) {
  Start();
  v1::SearchRequest request;
  request.set_query(std::string(5 << 20, 'x'));
  v1::SearchResponse response;
  EXPECT_EQ(answers_->Search(&context_, request, &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

}  // namespace
}  // namespace footnote::server
