// gather() and shield(): what makes one future of others.

#include "machine.hpp"

#include <span>

namespace parity {
namespace {

using Names = std::span<const std::string>;

bool is_coroutine(const std::string& name) { return name[0] == 'p'; }

std::string shown_result(const std::exception_ptr& error,
                         const std::function<std::string()>& value) {
  return error == nullptr ? value() : describe(error);
}

// What the parts of a gather's value look like: for a future, what it holds itself.
template <class T>
std::string shown_part(const T&, const AnyFuture& child) {
  return child.value();
}
std::string shown_part(const int& value, const AnyFuture&) { return show(value); }
template <class T>
std::string shown_part(const asyncio::Result<T>& result, const AnyFuture& child) {
  return shown_result(result.error(), [&] {
    if constexpr (std::is_same_v<T, int>) {
      return show(result.value());
    } else {
      return child.value();
    }
  });
}

template <class T>
std::string shown_values(const std::vector<T>& values, const std::vector<AnyFuture>& children) {
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < values.size(); ++i) {
    shown.push_back(shown_part(values[i], children[i]));
  }
  return listed(shown);
}
template <class A, class B>
std::string shown_values(const std::tuple<A, B>& values, const std::vector<AnyFuture>& children) {
  return listed(
      {shown_part(std::get<0>(values), children[0]), shown_part(std::get<1>(values), children[1])});
}

template <class Values>
AnyFuture joint(asyncio::Future<Values> outer, std::vector<AnyFuture> children) {
  return {outer, [outer, children] { return shown_values(outer.result(), children); },
          [outer, children] { return joint(asyncio::shield(outer), children); }};
}

template <class... As>
AnyFuture gather_these(bool errors, std::vector<AnyFuture> children, As&&... awaitables) {
  if (errors) {
    return joint(asyncio::gather(asyncio::return_exceptions, std::forward<As>(awaitables)...),
                 std::move(children));
  }
  return joint(asyncio::gather(std::forward<As>(awaitables)...), std::move(children));
}

AnyFuture child_of(Machine& m, const std::string& name) {
  if (is_coroutine(name)) return {asyncio::Future<int>(), {}, {}};  // its value is the result's
  return m.future(name);
}

AnyFuture gather_coroutines(Machine& m, bool errors, Names names, std::vector<AnyFuture> children) {
  std::vector<Coro<int>> coros;
  for (const std::string& name : names) coros.push_back(m.coroutine(name, true));
  return gather_these(errors, std::move(children), std::move(coros));
}

AnyFuture gather_futures(bool errors, std::vector<AnyFuture> children) {
  std::vector<asyncio::FutureBase> futures;
  for (const AnyFuture& child : children) futures.push_back(child.future);
  return gather_these(errors, std::move(children), futures);
}

// Some of each kind: only pairs, since each combination is a function of its own.
AnyFuture gather_pair(Machine& m, bool errors, Names names, std::vector<AnyFuture> children) {
  const asyncio::FutureBase future = children[is_coroutine(names[0]) ? 1 : 0].future;
  if (is_coroutine(names[0])) {
    auto coro = m.coroutine(names[0], true);
    return gather_these(errors, std::move(children), std::move(coro), future);
  }
  auto coro = m.coroutine(names[1], true);
  return gather_these(errors, std::move(children), future, std::move(coro));
}

}  // namespace

std::string gather(Machine& m, const Node& n) {
  const bool errors = n.words[2] == "errors";
  const Names names = Names(n.words).subspan(3);
  m.check_awaitables({names.begin(), names.end()});
  std::vector<AnyFuture> children;
  std::size_t coroutines = 0;
  for (const std::string& name : names) {
    children.push_back(child_of(m, name));
    if (is_coroutine(name)) ++coroutines;
  }
  AnyFuture made = coroutines == 0 ? gather_futures(errors, std::move(children))
                   : coroutines == names.size()
                       ? gather_coroutines(m, errors, names, std::move(children))
                       : gather_pair(m, errors, names, std::move(children));
  m.joints.insert_or_assign(number_of(n.words[1]), std::move(made));
  return "None";
}

AnyFuture of_int(const asyncio::Future<int>& future) {
  return {future, [future] { return show(future.result()); },
          [future] { return of_int(asyncio::shield(future)); }};
}

std::string shield(Machine& m, const Node& n) {
  const std::string& name = n.words[2];
  m.check_awaitables({name});
  AnyFuture outer = is_coroutine(name) ? of_int(asyncio::shield(m.coroutine(name, true)))
                                       : m.future(name).shield();
  m.joints.insert_or_assign(number_of(n.words[1]), std::move(outer));
  return "None";
}

}  // namespace parity
