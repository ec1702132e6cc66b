// A small blocking HTTP client over a plain socket, for tests that care about bytes.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace footnote::testing {

struct HttpResponse {
  int status = 0;    // 0: the connection ended before a whole response came
  std::string head;  // status line and headers, without the empty line
  std::string body;  // without chunk framing

  // The value of a header, or "". `name` as the server writes it.
  std::string Header(const std::string& name) const {
    const size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

class HttpClient {
 public:
  // receive_bytes: the size of the socket's receive buffer; 0: the system's.
  explicit HttpClient(uint16_t port, int receive_bytes = 0) : port_(port) {
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    if (receive_bytes > 0) {
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
    }
    const timeval patience{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = socket_ >= 0 && ::connect(socket_, reinterpret_cast<const sockaddr*>(&address),
                                           sizeof(address)) == 0;
  }
  ~HttpClient() { Close(); }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  bool connected() const { return connected_; }
  std::string host() const { return "localhost:" + std::to_string(port_); }
  void Close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }

  // False when the server has closed.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  // `headers`: whole lines, each with its "\r\n".
  std::string Request(const std::string& method, const std::string& target,
                      const std::string& headers = "", const std::string& body = "") const {
    std::string request = method + " " + target + " HTTP/1.1\r\nHost: " + host() + "\r\n" + headers;
    if (!body.empty()) request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return request + "\r\n" + body;
  }
  HttpResponse Call(const std::string& method, const std::string& target,
                    const std::string& headers = "", const std::string& body = "") {
    Send(Request(method, target, headers, body));
    return Read(method != "HEAD");
  }
  HttpResponse PostJson(const std::string& target, const std::string& json,
                        const std::string& headers = "") {
    return Call("POST", target, "Content-Type: application/json\r\n" + headers, json);
  }

  // One response, to its end.
  HttpResponse Read(bool with_body = true) {
    HttpResponse response;
    const auto head_end = ReadUntil("\r\n\r\n");
    if (head_end == std::string::npos) return response;
    response.head = Consume(head_end);
    Consume(4);
    const int status = std::atoi(response.head.substr(9, 3).c_str());
    if (!with_body || status == 304 || status == 100) {
      response.status = status;
    } else if (response.Header("Transfer-Encoding") == "chunked") {
      for (;;) {
        const auto line_end = ReadUntil("\r\n");
        if (line_end == std::string::npos) return response;
        const auto size = std::strtoul(Consume(line_end).c_str(), nullptr, 16);
        if (!ReadBytes(size + 4)) return response;
        Consume(2);
        response.body += Consume(size);
        Consume(2);
        if (size == 0) break;
      }
      response.status = status;
    } else if (const std::string length = response.Header("Content-Length"); !length.empty()) {
      if (!ReadBytes(std::stoul(length))) return response;
      response.body = Consume(std::stoul(length));
      response.status = status;
    } else {
      while (More()) {
      }
      response.body = std::exchange(buffer_, {});
      response.status = status;
    }
    return response;
  }

  // Waits until `text` came; npos when the connection ends before. Nothing is consumed.
  size_t ReadUntil(const std::string& text) {
    for (;;) {
      if (const size_t at = buffer_.find(text); at != std::string::npos) return at;
      if (!More()) return std::string::npos;
    }
  }
  // True when the server closes, whatever else comes before.
  bool WaitForClose() {
    while (More()) {
    }
    return closed_;
  }

 private:
  bool More() {
    char bytes[65536];
    const ssize_t received = ::recv(socket_, bytes, sizeof(bytes), 0);
    if (received > 0) {
      buffer_.append(bytes, static_cast<size_t>(received));
    } else {
      closed_ = received == 0 || errno == ECONNRESET;
    }
    return received > 0;
  }
  bool ReadBytes(size_t size) {
    while (buffer_.size() < size) {
      if (!More()) return false;
    }
    return true;
  }
  std::string Consume(size_t size) {
    std::string bytes = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return bytes;
  }

  uint16_t port_;
  int socket_ = -1;
  bool connected_ = false;
  bool closed_ = false;
  std::string buffer_;
};

}  // namespace footnote::testing
