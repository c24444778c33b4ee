// A file descriptor that closes itself, and the Error of a failed system call.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string_view>
#include <utility>

#include "assay/base.h"

namespace assay {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

/// kIo, "path: what: text of errno".
[[nodiscard]] Error system_error(const std::filesystem::path& path, std::string_view what);

}  // namespace assay
