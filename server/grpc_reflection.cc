#include "server/grpc_reflection.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/grpcpp.h>

#include <unordered_set>

#include "grpc/health/v1/health.pb.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "server/grpc_call.h"
#include "server/grpc_status.h"

namespace footnote::server {
namespace {

namespace pb = google::protobuf;
namespace reflection = grpc::reflection::v1;
using Names = std::shared_ptr<const std::vector<std::string>>;

const pb::DescriptorPool& Pool() { return *pb::DescriptorPool::generated_pool(); }

// `file`, then what it imports, each once.
void AddFile(const pb::FileDescriptor& file, std::unordered_set<const pb::FileDescriptor*>& seen,
             reflection::FileDescriptorResponse& out) {
  if (!seen.insert(&file).second) return;
  pb::FileDescriptorProto proto;
  file.CopyTo(&proto);
  out.add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) AddFile(*file.dependency(i), seen, out);
}

void SetNotFound(const std::string& what, reflection::ServerReflectionResponse& out) {
  out.mutable_error_response()->set_error_code(grpc::StatusCode::NOT_FOUND);
  out.mutable_error_response()->set_error_message(ToGrpc(NotFoundError(what)).error_message());
}

void SetFile(const pb::FileDescriptor* file, const std::string& what,
             reflection::ServerReflectionResponse& out) {
  if (file == nullptr) return SetNotFound(what, out);
  std::unordered_set<const pb::FileDescriptor*> seen;
  AddFile(*file, seen, *out.mutable_file_descriptor_response());
}

void SetExtensionNumbers(const std::string& type, reflection::ServerReflectionResponse& out) {
  const pb::Descriptor* message = Pool().FindMessageTypeByName(type);
  if (message == nullptr) return SetNotFound("no message type \"" + type + "\" is known", out);
  std::vector<const pb::FieldDescriptor*> extensions;
  Pool().FindAllExtensions(message, &extensions);
  auto& response = *out.mutable_all_extension_numbers_response();
  response.set_base_type_name(type);
  for (const pb::FieldDescriptor* extension : extensions) {
    response.add_extension_number(extension->number());
  }
}

const pb::FileDescriptor* FileOfExtension(const reflection::ExtensionRequest& request) {
  const pb::Descriptor* message = Pool().FindMessageTypeByName(request.containing_type());
  if (message == nullptr) return nullptr;
  const pb::FieldDescriptor* extension =
      Pool().FindExtensionByNumber(message, request.extension_number());
  return extension == nullptr ? nullptr : extension->file();
}

// False when the request asks nothing.
bool Reply(const reflection::ServerReflectionRequest& request,
           const std::vector<std::string>& names, reflection::ServerReflectionResponse& out) {
  using Request = reflection::ServerReflectionRequest;
  out.set_valid_host(request.host());
  *out.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case Request::kFileByFilename: {
      const std::string& name = request.file_by_filename();
      SetFile(Pool().FindFileByName(name), "no file \"" + name + "\" is known", out);
      return true;
    }
    case Request::kFileContainingSymbol: {
      const std::string& symbol = request.file_containing_symbol();
      SetFile(Pool().FindFileContainingSymbol(symbol), "no symbol \"" + symbol + "\" is known",
              out);
      return true;
    }
    case Request::kFileContainingExtension: {
      const reflection::ExtensionRequest& extension = request.file_containing_extension();
      SetFile(FileOfExtension(extension),
              "no extension " + std::to_string(extension.extension_number()) + " of \"" +
                  extension.containing_type() + "\" is known",
              out);
      return true;
    }
    case Request::kAllExtensionNumbersOfType:
      SetExtensionNumbers(request.all_extension_numbers_of_type(), out);
      return true;
    case Request::kListServices:
      for (const std::string& name : names) {
        out.mutable_list_services_response()->add_service()->set_name(name);
      }
      return true;
    case Request::MESSAGE_REQUEST_NOT_SET:
      return false;
  }
  return false;
}

// Question and answer in turn, on gRPC's threads: a look-up takes microseconds.
class ReflectionStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit ReflectionStream(Names names) : names_(std::move(names)) { StartRead(&question_); }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    reflection::ServerReflectionRequest request;
    if (const Status parsed = ParseMessage(question_, request); !parsed.ok()) {
      return Finish(ToGrpc(parsed, "MALFORMED_MESSAGE"));
    }
    reflection::ServerReflectionResponse response;
    if (!Reply(request, *names_, response)) {
      return Finish(
          ToGrpc(InvalidArgumentError("the reflection request asks nothing that is known "
                                      "here: set one field of message_request")));
    }
    answer_ = ToBytes(response);
    StartWrite(&answer_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(ToGrpc(CancelledError("the caller cancelled the request")));
    StartRead(&question_);
  }
  void OnDone() override { delete this; }

  Names names_;
  grpc::ByteBuffer question_;
  grpc::ByteBuffer answer_;
};

// The service that is declared in one file with a message. Naming the message also keeps its
// descriptors in the program: nothing else here needs them, and the linker would leave them out.
template <typename Message>
std::string ServiceBeside() {
  return Message::descriptor()->file()->service(0)->full_name();
}

// Version: the generated class of one version; the messages of both are the same on the wire.
template <typename Version>
class ReflectionService final : public Version::template WithRawCallbackMethod_ServerReflectionInfo<
                                    typename Version::Service> {
 public:
  explicit ReflectionService(Names names) : names_(std::move(names)) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ServerReflectionInfo(
      grpc::CallbackServerContext* /*context*/) override {
    return new ReflectionStream(names_);
  }

 private:
  Names names_;
};

}  // namespace

std::vector<std::unique_ptr<grpc::Service>> MakeGrpcReflection(std::vector<std::string> names) {
  const auto shared = std::make_shared<const std::vector<std::string>>(std::move(names));
  std::vector<std::unique_ptr<grpc::Service>> services;
  services.push_back(
      std::make_unique<ReflectionService<grpc::reflection::v1::ServerReflection>>(shared));
  services.push_back(
      std::make_unique<ReflectionService<grpc::reflection::v1alpha::ServerReflection>>(shared));
  return services;
}

std::vector<std::string> GrpcProtocolNames() {
  return {ServiceBeside<reflection::ServerReflectionRequest>(),
          ServiceBeside<grpc::reflection::v1alpha::ServerReflectionRequest>(),
          ServiceBeside<grpc::health::v1::HealthCheckRequest>()};
}

}  // namespace footnote::server
