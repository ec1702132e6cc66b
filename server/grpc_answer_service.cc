// footnote.v1.AnswerService over gRPC.

#include "footnote/v1/answers.grpc.pb.h"
#include "server/grpc_services.h"

namespace footnote::server {
namespace {

using Methods = v1::AnswerService;
using Base = Methods::WithRawCallbackMethod_Ask<
    Methods::WithRawCallbackMethod_Summarize<Methods::WithRawCallbackMethod_Search<
        Methods::WithRawCallbackMethod_CheckGrounding<Methods::Service>>>>;

class GrpcAnswerService final : public Base {
 public:
  explicit GrpcAnswerService(const GrpcParts& parts) : parts_(parts) {}

  grpc::ServerWriteReactor<grpc::ByteBuffer>* Ask(grpc::CallbackServerContext* context,
                                                  const grpc::ByteBuffer* bytes) override {
    return Stream<v1::AskRequest>("Ask", &Api::Ask, context, bytes);
  }

  grpc::ServerWriteReactor<grpc::ByteBuffer>* Summarize(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* bytes) override {
    return Stream<v1::SummarizeRequest>("Summarize", &Api::Summarize, context, bytes);
  }

  grpc::ServerUnaryReactor* Search(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer* request,
                                   grpc::ByteBuffer* response) override {
    return ServeUnary<v1::SearchRequest>(
        parts_, {"Search", WorkKind::kSearch}, context, request, response,
        [api = parts_.api](const v1::SearchRequest& search, const CallContext& call) {
          return api->Search(search, call);
        });
  }

  grpc::ServerUnaryReactor* CheckGrounding(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override {
    return ServeUnary<v1::CheckGroundingRequest>(
        parts_, {"CheckGrounding", WorkKind::kSearch}, context, request, response,
        [api = parts_.api](const v1::CheckGroundingRequest& check, const CallContext& call) {
          return api->CheckGrounding(check, call);
        });
  }

 private:
  template <typename Request>
  using Method = Status (Api::*)(const Request&, const CallContext&,
                                 const std::function<void(const v1::AskResponse&)>&);

  template <typename Request>
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Stream(const char* name, Method<Request> method,
                                                     grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer* bytes) {
    auto stream = std::make_shared<WriteStream>(parts_, name, context);
    stream->HoldSelf();
    auto request = std::make_shared<Request>();
    if (const Status parsed = ParseMessage(*bytes, *request); !parsed.ok()) {
      stream->End(parsed, "MALFORMED_MESSAGE");
      return stream.get();
    }
    const Status submitted =
        parts_.admission->Submit(WorkKind::kAnswer, [stream, request, method, api = parts_.api] {
          const CallContext& call = stream->call().context();
          Status status = call.Check();  // it may have waited longer than its client
          if (status.ok()) {
            status = (api->*method)(*request, call, [&](const v1::AskResponse& event) {
              stream->Emit(ToBytes(event));
            });
          }
          stream->End(status);
        });
    if (!submitted.ok()) stream->End(submitted, RefusalReason(submitted));
    return stream.get();
  }

  GrpcParts parts_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeGrpcAnswerService(const GrpcParts& parts) {
  return std::make_unique<GrpcAnswerService>(parts);
}

}  // namespace footnote::server
