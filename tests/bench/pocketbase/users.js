// What is measured needs: a collection whose records are their owners' alone, and many users. Run
// by PocketBase when it starts. By its API a user takes a bcrypt, and 5,000 of them minutes.
migrate((app) => {
  const root = new Record(app.findCollectionByNameOrId("_superusers"));
  root.set("email", "root@example.com");
  root.set("password", "rootrootroot");
  app.save(root);

  app.save(new Collection({
    type: "base",
    name: "posts",
    createRule: "",
    listRule: "owner = @request.auth.id",
    viewRule: "owner = @request.auth.id",
    fields: [{ name: "owner", type: "text" }, { name: "text", type: "text", max: 1000000 }],
  }));

  const users = app.findCollectionByNameOrId("users");
  users.authToken.secret = $os.getenv("BENCH_SECRET");
  app.save(users);
  app.db().newQuery(`
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {:count})
    INSERT INTO users (id, email, tokenKey, password, created, updated)
    SELECT printf('user%011d', i), printf('user%d@example.com', i), printf('key%047d', i), 'none',
      strftime('%Y-%m-%d %H:%M:%fZ'), strftime('%Y-%m-%d %H:%M:%fZ') FROM n
  `).bind({ count: parseInt($os.getenv("BENCH_USERS")) }).execute();
}, () => {});
