// gRPC's own protocols: reflection (v1 and v1alpha) and health.

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>

#include <set>

#include "grpc/health/v1/health.grpc.pb.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "tests/server/grpc_fixture.h"

namespace footnote::server {
namespace {

// Both versions have the same messages under different names.
struct V1 {
  using Service = grpc::reflection::v1::ServerReflection;
  using Request = grpc::reflection::v1::ServerReflectionRequest;
  using Response = grpc::reflection::v1::ServerReflectionResponse;
};
struct V1Alpha {
  using Service = grpc::reflection::v1alpha::ServerReflection;
  using Request = grpc::reflection::v1alpha::ServerReflectionRequest;
  using Response = grpc::reflection::v1alpha::ServerReflectionResponse;
};

template <typename Version>
class GrpcReflection : public GrpcFixture {
 protected:
  using Request = typename Version::Request;
  using Response = typename Version::Response;

  void SetUp() override {
    Start();
    context_.set_deadline(Soon());
    stub_ = Version::Service::NewStub(channel_);
    stream_ = stub_->ServerReflectionInfo(&context_);
  }
  void TearDown() override {
    stream_->WritesDone();
    EXPECT_TRUE(stream_->Finish().ok());
  }
  Response Ask(const Request& request) {
    Response response;
    EXPECT_TRUE(stream_->Write(request));
    EXPECT_TRUE(stream_->Read(&response));
    EXPECT_EQ(response.original_request().SerializeAsString(), request.SerializeAsString());
    return response;
  }

  grpc::ClientContext context_;
  std::unique_ptr<typename Version::Service::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<Request, Response>> stream_;
};

using Versions = ::testing::Types<V1, V1Alpha>;
TYPED_TEST_SUITE(GrpcReflection, Versions);

TYPED_TEST(GrpcReflection, ListsTheServicesAndKnowsEachOfThem) {
  typename TypeParam::Request request;
  request.set_list_services("*");
  const auto listed = this->Ask(request);
  std::set<std::string> names;
  for (const auto& service : listed.list_services_response().service()) {
    names.insert(service.name());
  }
  EXPECT_EQ(names, (std::set<std::string>{"footnote.v1.AnswerService", "footnote.v1.CorpusService",
                                          "footnote.v1.ModelService", "grpc.health.v1.Health",
                                          "grpc.reflection.v1.ServerReflection",
                                          "grpc.reflection.v1alpha.ServerReflection"}));
  for (const std::string& name : names) {
    request.set_file_containing_symbol(name);
    EXPECT_TRUE(this->Ask(request).has_file_descriptor_response()) << name;
  }
}

// What a client does that knows nothing of footnote.v1.
TYPED_TEST(GrpcReflection, FilesOfASymbolAreEnoughToBuildItsMessages) {
  typename TypeParam::Request request;
  request.set_file_containing_symbol("footnote.v1.AnswerService.Ask");
  const auto response = this->Ask(request);
  const auto& files = response.file_descriptor_response().file_descriptor_proto();
  ASSERT_EQ(files.size(), 2);
  google::protobuf::DescriptorPool pool;
  for (auto file = files.rbegin(); file != files.rend(); ++file) {  // imports come last
    google::protobuf::FileDescriptorProto proto;
    ASSERT_TRUE(proto.ParseFromString(*file));
    ASSERT_NE(pool.BuildFile(proto), nullptr) << proto.name();
  }
  const google::protobuf::MethodDescriptor* ask =
      pool.FindMethodByName("footnote.v1.AnswerService.Ask");
  ASSERT_NE(ask, nullptr);
  EXPECT_TRUE(ask->server_streaming());
  EXPECT_NE(ask->output_type()->FindFieldByName("answer"), nullptr);
}

TYPED_TEST(GrpcReflection, FilesAreFoundByName) {
  typename TypeParam::Request request;
  request.set_file_by_filename("footnote/v1/types.proto");
  EXPECT_EQ(this->Ask(request).file_descriptor_response().file_descriptor_proto_size(), 1);
}

TYPED_TEST(GrpcReflection, WhatIsNotKnownIsNotFoundAndTheStreamGoesOn) {
  typename TypeParam::Request request;
  request.set_file_containing_symbol("footnote.v1.Nothing");
  auto response = this->Ask(request);
  EXPECT_EQ(response.error_response().error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_NE(response.error_response().error_message().find("footnote.v1.Nothing"),
            std::string::npos);
  request.set_file_by_filename("nothing.proto");
  EXPECT_EQ(this->Ask(request).error_response().error_code(), grpc::StatusCode::NOT_FOUND);
  request.set_all_extension_numbers_of_type("footnote.v1.Nothing");
  EXPECT_EQ(this->Ask(request).error_response().error_code(), grpc::StatusCode::NOT_FOUND);
  request.mutable_file_containing_extension()->set_containing_type("footnote.v1.AskRequest");
  request.mutable_file_containing_extension()->set_extension_number(9);
  EXPECT_EQ(this->Ask(request).error_response().error_code(), grpc::StatusCode::NOT_FOUND);
}

TYPED_TEST(GrpcReflection, ATypeWithoutExtensionsHasNone) {
  typename TypeParam::Request request;
  request.set_all_extension_numbers_of_type("footnote.v1.AskRequest");
  const auto response = this->Ask(request);
  EXPECT_EQ(response.all_extension_numbers_response().base_type_name(), "footnote.v1.AskRequest");
  EXPECT_EQ(response.all_extension_numbers_response().extension_number_size(), 0);
}

// --- Health ---

class GrpcHealth : public GrpcFixture {
 protected:
  using Response = grpc::health::v1::HealthCheckResponse;

  void SetUp() override {
    Start();
    stub_ = grpc::health::v1::Health::NewStub(channel_);
  }
  grpc::Status Check(const std::string& service, Response* response) {
    grpc::ClientContext context;
    context.set_deadline(Soon());
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(service);
    return stub_->Check(&context, request, response);
  }
  std::unique_ptr<grpc::health::v1::Health::Stub> stub_;
};

TEST_F(GrpcHealth, EachServiceAndTheWholeAreServing) {
  for (const char* service :
       {"", "footnote.v1.AnswerService", "footnote.v1.CorpusService", "footnote.v1.ModelService"}) {
    Response response;
    EXPECT_TRUE(Check(service, &response).ok()) << service;
    EXPECT_EQ(response.status(), Response::SERVING) << service;
  }
  Response response;
  EXPECT_EQ(Check("footnote.v1.Nothing", &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(GrpcHealth, WatchersSeeTheDrain) {
  grpc::ClientContext context;
  context.set_deadline(Soon());
  const auto watch = stub_->Watch(&context, {});
  Response response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), Response::SERVING);
  std::thread drain([&] { server_->Drain(std::chrono::seconds(20)); });
  EXPECT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), Response::NOT_SERVING);
  // The drain does not wait for those who watch it.
  const auto start = std::chrono::steady_clock::now();
  drain.join();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  watch->Finish();
}

}  // namespace
}  // namespace footnote::server
