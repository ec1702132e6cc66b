// footnote.v1.ModelService over gRPC.

#include "footnote/v1/models.grpc.pb.h"
#include "server/grpc_services.h"

namespace footnote::server {
namespace {

using Methods = v1::ModelService;
using Base = Methods::WithRawCallbackMethod_ListModels<Methods::Service>;

class GrpcModelService final : public Base {
 public:
  explicit GrpcModelService(const GrpcParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override {
    return ServeUnary<v1::ListModelsRequest>(
        parts_, {"ListModels", WorkKind::kRead}, context, request, response,
        [api = parts_.api](const v1::ListModelsRequest& list, const CallContext&) {
          return api->ListModels(list);
        });
  }

 private:
  GrpcParts parts_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeGrpcModelService(const GrpcParts& parts) {
  return std::make_unique<GrpcModelService>(parts);
}

}  // namespace footnote::server
