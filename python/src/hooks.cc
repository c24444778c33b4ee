// The one forward hook that torch calls of every module that somebody takes tensors of.
#include "hooks.h"

#include <unordered_map>

namespace assay::python {
namespace {

/// Of one module: those who take what it is given, and what it returns.
struct Takers {
  std::vector<TensorTaker*> given;
  std::vector<TensorTaker*> returned;
};

/// What a thread takes while it runs a model.
class HookTable {
 public:
  /// A module, takers of what it is given, takers of what it returns.
  using Entry = std::tuple<nb::object, std::vector<nb::object>, std::vector<nb::object>>;

  /// The two functions find the tensor among the arguments, and in what a module returns, where it is not
  /// simply the first, or all.
  HookTable(const std::vector<Entry>& entries, nb::object tensor_type, nb::object given_of,
            nb::object returned_of)
      : entries_(entries),
        tensor_type_(std::move(tensor_type)),
        given_of_(std::move(given_of)),
        returned_of_(std::move(returned_of)) {
    const auto takers = [](const std::vector<nb::object>& objects) {
      std::vector<TensorTaker*> all;
      all.reserve(objects.size());
      for (const nb::object& one : objects) all.push_back(nb::cast<TensorTaker*>(one));
      return all;
    };
    for (const auto& [module, given, returned] : entries_)
      takers_[module.ptr()] = {takers(given), takers(returned)};
  }

  void called(nb::handle module, nb::handle args, nb::handle kwargs, nb::handle output) const {
    const auto found = takers_.find(module.ptr());
    if (found == takers_.end()) return;
    const auto& [given, returned] = found->second;
    if (!given.empty()) {
      // Borrowed from a tuple that torch holds.
      const nb::handle first = PyTuple_Size(args.ptr()) > 0 ? PyTuple_GetItem(args.ptr(), 0) : nullptr;
      if (is_plain(first))
        tell(given, first);
      else
        tell(given, given_of_(args, kwargs));
    }
    if (!returned.empty()) {
      if (is_plain(output))
        tell(returned, output);
      else
        tell(returned, returned_of_(output));
    }
  }

 private:
  [[nodiscard]] bool is_plain(nb::handle object) const {
    return object.is_valid() && object.type().is(tensor_type_);
  }
  static void tell(const std::vector<TensorTaker*>& takers, nb::handle tensor) {
    if (tensor.is_none()) return;
    for (TensorTaker* taker : takers) taker->take(tensor);
  }

  const std::vector<Entry> entries_;  // keep modules and takers alive
  std::unordered_map<PyObject*, Takers> takers_;
  const nb::object tensor_type_;
  const nb::object given_of_;
  const nb::object returned_of_;
};

// Of this thread: the table that is asked, and its object, which is held. Whoever sets it takes it away.
thread_local const HookTable* table_here = nullptr;
thread_local PyObject* object_here = nullptr;

/// Sets the table of this thread, or none; gives the one before.
nb::object swap_hooks(nb::object table) {
  const HookTable* const next = table.is_none() ? nullptr : nb::cast<const HookTable*>(table);
  nb::object before = object_here == nullptr ? nb::none() : nb::steal(object_here);
  table_here = next;
  object_here = next == nullptr ? nullptr : table.release().ptr();
  return before;
}

/// What torch calls. There is one, which copies and pickles of a model hold too.
struct ModuleHook {};

void tell_of_call(nb::handle module, nb::handle args, nb::handle kwargs, nb::handle output) {
  if (table_here != nullptr) table_here->called(module, args, kwargs, output);
}

}  // namespace

void bind_hooks(nb::module_& m) {
  nb::class_<TensorTaker>(m, "TensorTaker");
  nb::class_<HookTable>(m, "HookTable")
      .def(nb::init<const std::vector<HookTable::Entry>&, nb::object, nb::object, nb::object>(),
           nb::arg("entries"), nb::arg("tensor_type"), nb::arg("given_of"), nb::arg("returned_of"));
  m.def("swap_hooks", &swap_hooks, nb::arg("table").none());
  m.def("tell_of_call", &tell_of_call, nb::arg("module"), nb::arg("args"), nb::arg("kwargs"),
        nb::arg("output").none());
  nb::class_<ModuleHook>(m, "ModuleHook")
      .def("__call__", [](const ModuleHook&, nb::handle module, nb::handle args, nb::handle kwargs,
                          nb::handle output) { tell_of_call(module, args, kwargs, output); })
      // Without the keywords torch calls a hook that is taken away meanwhile.
      .def("__call__", [](const ModuleHook&, nb::handle module, nb::handle args,
                          nb::handle output) { tell_of_call(module, args, nb::dict(), output); })
      .def("__copy__", [](nb::object self) { return self; })
      .def("__deepcopy__", [](nb::object self, nb::handle) { return self; })
      .def("__reduce__", [](nb::handle) { return "module_hook"; });
  m.attr("module_hook") = nb::cast(ModuleHook());
}

}  // namespace assay::python
