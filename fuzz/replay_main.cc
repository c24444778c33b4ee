// Feeds the files named on the command line, and those in the folders named there, to a fuzz target: the main
// program of the targets where libFuzzer is not there to drive them. An empty input and a few of one repeated
// byte go first.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

bool replay(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file) {
    std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
    return false;
  }
  // Said before the input is tried, so that the last line names the one that failed.
  std::printf("%s: %zu bytes\n", path.c_str(), bytes.size());
  std::fflush(stdout);
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  for (const char byte : {'\x00', '{', '\x80', '\xff'}) {
    const std::vector<std::uint8_t> bytes(64, static_cast<std::uint8_t>(byte));
    for (std::size_t size = bytes.size(); size > 0; size /= 2) LLVMFuzzerTestOneInput(bytes.data(), size);
    LLVMFuzzerTestOneInput(bytes.data(), 0);
  }

  std::vector<fs::path> paths;
  for (int i = 1; i < argc; ++i) {
    if (!fs::is_directory(argv[i])) {
      paths.emplace_back(argv[i]);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(argv[i]))
      if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  bool all_read = true;
  for (const fs::path& path : paths) all_read = replay(path) && all_read;
  std::printf("%zu inputs replayed\n", paths.size());
  return all_read ? 0 : 1;
}
