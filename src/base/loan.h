// Working memory that outlives its use: megabytes that the system would clear anew for every call.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

namespace assay {

/// A T lent from a process-wide store, as whoever had it before left it; a new one where the store is empty. Comes back at
/// the end of the loan. The store keeps as many as were ever lent at once. Safe across threads.
template <class T>
class Loan {
 public:
  Loan() : item_(take()) {}
  ~Loan() {
    Store& all = store();
    const std::scoped_lock lock(all.mutex);
    all.items.push_back(std::move(item_));
  }
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;

  [[nodiscard]] T& operator*() const { return *item_; }

 private:
  struct Store {
    std::mutex mutex;
    std::vector<std::unique_ptr<T>> items;
  };

  static Store& store() {
    static Store all;
    return all;
  }

  static std::unique_ptr<T> take() {
    Store& all = store();
    {
      const std::scoped_lock lock(all.mutex);
      if (!all.items.empty()) {
        std::unique_ptr<T> item = std::move(all.items.back());
        all.items.pop_back();
        return item;
      }
    }
    return std::make_unique<T>();
  }

  std::unique_ptr<T> item_;
};

}  // namespace assay
