// footnote.v1.CorpusService over gRPC.

#include "footnote/v1/corpora.grpc.pb.h"
#include "server/grpc_services.h"

namespace footnote::server {
namespace {

using Methods = v1::CorpusService;
using Base = Methods::WithRawCallbackMethod_ListCorpora<Methods::WithRawCallbackMethod_GetCorpus<
    Methods::WithRawCallbackMethod_CreateCorpus<Methods::WithRawCallbackMethod_ListDocuments<
        Methods::WithRawCallbackMethod_GetDocument<Methods::WithRawCallbackMethod_DeleteDocument<
            Methods::WithRawCallbackMethod_ImportDocuments<Methods::Service>>>>>>>;

// Takes the pieces as they come, on gRPC's threads (each is one quick write to disk); indexes on a
// thread of Admission once the client has sent all.
class ImportStream final : public BidiStream {
 public:
  ImportStream(const GrpcParts& parts, grpc::CallbackServerContext* context)
      : BidiStream(parts, "ImportDocuments", context),
        admission_(parts.admission),
        context_(context),
        session_(parts.api->StartImport()) {}

  void Start() {
    HoldSelf();
    StartRead(&part_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return FinishImport();
    v1::ImportDocumentsRequest request;
    if (const Status parsed = ParseMessage(part_, request); !parsed.ok()) {
      return End(parsed, "MALFORMED_MESSAGE");
    }
    if (const Status taken = session_->Accept(request); !taken.ok()) return End(taken);
    StartRead(&part_);
  }

  void FinishImport() {
    auto self = std::static_pointer_cast<ImportStream>(shared_from_this());
    const Status submitted = admission_->Submit(WorkKind::kWrite, [self] { self->Run(); });
    if (!submitted.ok()) End(submitted, RefusalReason(submitted));
  }

  void Run() {
    // A connection that broke ends the reading just as a client does that has sent all; what tells
    // them apart is that the call is cancelled too, a moment later at most. Whoever indexes checks
    // again before it publishes.
    if (context_->IsCancelled()) call().Cancel();
    Status status = call().context().Check();
    if (status.ok()) {
      status = session_->Finish(call().context(), [this](const v1::ImportDocumentsResponse& event) {
        Emit(ToBytes(event));
      });
    }
    session_.reset();  // what still waits on disk goes now, on this thread
    End(status);
  }

  Admission* admission_;
  grpc::CallbackServerContext* context_;
  std::unique_ptr<ImportSession> session_;
  grpc::ByteBuffer part_;
};

class GrpcCorpusService final : public Base {
 public:
  explicit GrpcCorpusService(const GrpcParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* ListCorpora(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override {
    return ServeUnary<v1::ListCorporaRequest>(
        parts_, {"ListCorpora", WorkKind::kRead}, context, request, response,
        [api = parts_.api](const v1::ListCorporaRequest& list, const CallContext&) {
          return api->ListCorpora(list);
        });
  }

  grpc::ServerUnaryReactor* GetCorpus(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override {
    return ServeUnary<v1::GetCorpusRequest>(
        parts_, {"GetCorpus", WorkKind::kRead}, context, request, response,
        [api = parts_.api](const v1::GetCorpusRequest& get, const CallContext&) {
          return api->GetCorpus(get);
        });
  }

  grpc::ServerUnaryReactor* CreateCorpus(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override {
    return ServeUnary<v1::CreateCorpusRequest>(
        parts_, {"CreateCorpus", WorkKind::kWrite}, context, request, response,
        [api = parts_.api](const v1::CreateCorpusRequest& create, const CallContext&) {
          return api->CreateCorpus(create);
        });
  }

  grpc::ServerUnaryReactor* ListDocuments(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override {
    return ServeUnary<v1::ListDocumentsRequest>(
        parts_, {"ListDocuments", WorkKind::kRead}, context, request, response,
        [api = parts_.api](const v1::ListDocumentsRequest& list, const CallContext&) {
          return api->ListDocuments(list);
        });
  }

  grpc::ServerUnaryReactor* GetDocument(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override {
    return ServeUnary<v1::GetDocumentRequest>(
        parts_, {"GetDocument", WorkKind::kRead}, context, request, response,
        [api = parts_.api](const v1::GetDocumentRequest& get, const CallContext&) {
          return api->GetDocument(get);
        });
  }

  grpc::ServerUnaryReactor* DeleteDocument(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override {
    return ServeUnary<v1::DeleteDocumentRequest>(
        parts_, {"DeleteDocument", WorkKind::kWrite}, context, request, response,
        [api = parts_.api](const v1::DeleteDocumentRequest& erase, const CallContext& call) {
          return api->DeleteDocument(erase, call);
        });
  }

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ImportDocuments(
      grpc::CallbackServerContext* context) override {
    const auto stream = std::make_shared<ImportStream>(parts_, context);
    stream->Start();
    return stream.get();
  }

 private:
  GrpcParts parts_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeGrpcCorpusService(const GrpcParts& parts) {
  return std::make_unique<GrpcCorpusService>(parts);
}

}  // namespace footnote::server
